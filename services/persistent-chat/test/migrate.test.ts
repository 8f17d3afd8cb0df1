// `--migrate`, as the chart's job runs it: the process itself, on a real PostgreSQL.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createLab, type Lab } from '@linchpin/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const role = join(import.meta.dirname, '..');
let lab: Lab;

beforeAll(async () => {
  lab = await createLab({ nats: false, postgres: true, databases: ['mgc', 'mgccomp', 'rooms'] });
}, 60_000);
afterAll(() => lab?.close());

async function migrate(mgc: string, mgccomp?: string): Promise<string> {
  const { port, passwordFile } = lab.postgres;
  const postgres = (database: string) => ({
    host: '127.0.0.1',
    port,
    user: 'linchpin',
    database,
    passwordFile,
  });
  const config = {
    name: 'persistent-chat-0',
    role: 'persistent-chat',
    dataDir: lab.dir,
    rpc: { port: 0 },
    http: { port: 0 },
    tls: await lab.tls('persistent-chat'),
    nats: { servers: ['tls://127.0.0.1:1'] },
    domain: 'contoso.lab',
    postgres: postgres(mgc),
    ...(mgccomp && { compliance: { postgres: postgres(mgccomp) } }),
  };
  const file = join(lab.dir, `${mgc}.json`);
  await writeFile(file, JSON.stringify(config));
  const args = [join(role, 'src/main.ts'), '--config', file, '--migrate'];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

async function applied(database: string): Promise<string[]> {
  const password = await readFile(lab.postgres.passwordFile, 'utf8');
  const { port } = lab.postgres;
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'linchpin', password, database });
  await client.connect();
  const { rows } = await client.query('SELECT file FROM migrations ORDER BY number');
  await client.end();
  return rows.map(({ file }) => file);
}

const files = (database: string): string[] => readdirSync(join(role, 'migrations', database)).sort();

describe('--migrate', () => {
  test('brings up the rooms and the compliance store, and finds nothing to do the next time', async () => {
    expect(await migrate('mgc', 'mgccomp')).toContain('the tables were migrated');
    expect(await applied('mgc')).toEqual(files('mgc'));
    expect(await applied('mgccomp')).toEqual(files('mgccomp'));
    expect(await migrate('mgc', 'mgccomp')).not.toContain('the tables were migrated');
  });

  test('does without a compliance store where there is none', async () => {
    await migrate('rooms');
    expect(await applied('rooms')).toEqual(files('mgc'));
  });

  test('fails where one of the databases is not there: nothing is replaced then', async () => {
    await expect(migrate('mgc', 'nowhere')).rejects.toMatchObject({
      code: 69,
      stderr: expect.stringContaining('database "nowhere" does not exist'),
    });
  });
});
