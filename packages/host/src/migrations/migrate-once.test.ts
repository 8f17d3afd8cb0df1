import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort, type PostgresServer, startPostgres } from '@linchpin/backends';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silent } from '../../test/silent.ts';
import type { HostConfig } from '../config.ts';
import { migrateOnce } from './migrate-once.ts';

let dir: string;
let server: PostgresServer;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'linchpin-migrate-'));
  server = await startPostgres({
    dir: join(dir, 'postgres'),
    port: 0,
    user: 'linchpin',
    password: 'p',
    ephemeral: true,
  });
  await writeFile(join(dir, 'password'), 'p\n');
  await writeFile(join(dir, '0001-first.sql'), 'CREATE TABLE first (n int);');
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true });
});

const configFor = (changes: object = {}): HostConfig => {
  const passwordFile = join(dir, 'password');
  const place = { host: '127.0.0.1', port: server.port, user: 'linchpin', database: 'postgres' };
  return {
    name: 'greeter-0',
    postgres: { ...place, passwordFile, connections: 1, ...changes },
  } as HostConfig;
};
const migrations = () => ({ folder: pathToFileURL(`${dir}/`), lock: 1, owner: 'the greeter' });

async function applied(): Promise<string[]> {
  const client = new pg.Client({
    port: server.port,
    host: '127.0.0.1',
    user: 'linchpin',
    password: 'p',
    database: 'postgres',
  });
  await client.connect();
  const { rows } = await client.query('SELECT file FROM migrations ORDER BY number');
  await client.end();
  return rows.map(({ file }) => file);
}

test('applies what is missing, also when several do it at once, and what came later the next time', async () => {
  await Promise.all([1, 2, 3].map(() => migrateOnce(configFor(), migrations(), silent)));
  expect(await applied()).toEqual(['0001-first.sql']);
  await writeFile(join(dir, '0002-second.sql'), 'ALTER TABLE first ADD COLUMN m int;');
  await migrateOnce(configFor(), migrations(), silent);
  expect(await applied()).toEqual(['0001-first.sql', '0002-second.sql']);
});

test('says where the database was looked for, and why it cannot be used', async () => {
  const port = await freePort();
  await expect(migrateOnce(configFor({ port }), migrations(), silent)).rejects.toMatchObject({
    exitCode: 69,
    message: `PostgreSQL at 127.0.0.1:${port} (database postgres, user linchpin) cannot be used: connect ECONNREFUSED 127.0.0.1:${port}`,
  });
  await expect(migrateOnce(configFor({ database: 'nowhere' }), migrations(), silent)).rejects.toMatchObject({
    exitCode: 69,
    message: expect.stringContaining('database "nowhere" does not exist'),
  });
});

test('is no way to start a role that has no tables, or is told of no database', async () => {
  await expect(migrateOnce(configFor(), undefined, silent)).rejects.toMatchObject({ exitCode: 2 });
  const without = { name: 'greeter-0' } as HostConfig;
  await expect(migrateOnce(without, migrations(), silent)).rejects.toMatchObject({ exitCode: 2 });
});
