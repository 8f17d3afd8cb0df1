import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort, type PostgresServer, startPostgres } from '@linchpin/backends';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silent } from '../../test/silent.ts';
import type { HostConfig } from '../config.ts';
import type { Logger } from '../log.ts';
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

async function sql(database: string, text: string): Promise<{ file: string }[]> {
  const { port } = server;
  const client = new pg.Client({ port, host: '127.0.0.1', user: 'linchpin', password: 'p', database });
  await client.connect();
  const { rows } = await client.query(text);
  await client.end();
  return rows;
}
const applied = async (): Promise<string[]> =>
  (await sql('postgres', 'SELECT file FROM migrations ORDER BY number')).map(({ file }) => file);

test('applies what is missing, also when several do it at once, and what came later the next time', async () => {
  await Promise.all([1, 2, 3].map(() => migrateOnce(configFor(), migrations(), silent)));
  expect(await applied()).toEqual(['0001-first.sql']);
  await writeFile(join(dir, '0002-second.sql'), 'ALTER TABLE first ADD COLUMN m int;');
  await migrateOnce(configFor(), migrations(), silent);
  expect(await applied()).toEqual(['0001-first.sql', '0002-second.sql']);
});

test('applies also what came later with a number between those that are there', async () => {
  const folder = await mkdtemp(join(dir, 'between-'));
  await sql('postgres', 'CREATE DATABASE between');
  const migrations = { folder: pathToFileURL(`${folder}/`), lock: 4, owner: 'the greeter' };
  const config = configFor({ database: 'between' });
  for (const file of ['0001-first.sql', '0030-late.sql', '0018-between.sql']) {
    await writeFile(join(folder, file), `CREATE TABLE "${file}" (n int);`);
    await migrateOnce(config, migrations, silent);
  }
  expect(await sql('between', 'SELECT file FROM migrations ORDER BY at, number')).toEqual([
    { file: '0001-first.sql' },
    { file: '0030-late.sql' },
    { file: '0018-between.sql' },
  ]);
  await rm(join(folder, '0030-late.sql'));
  await expect(migrateOnce(config, migrations, silent)).rejects.toMatchObject({
    message: expect.stringContaining('newer release'),
  });
});

test('says which file is under way, before it is through', async () => {
  const folder = await mkdtemp(join(dir, 'long-'));
  await sql('postgres', 'CREATE DATABASE long');
  await writeFile(join(folder, '0001-quick.sql'), 'CREATE TABLE quick (n int);');
  await writeFile(join(folder, '0002-wrong.sql'), 'ALTER TABLE nowhere ADD COLUMN n int;');
  const said: object[] = [];
  const log = { ...silent, info: (fields: object) => void said.push(fields) } as unknown as Logger;
  const migrations = { folder: pathToFileURL(`${folder}/`), lock: 3, owner: 'the greeter' };
  await expect(migrateOnce(configFor({ database: 'long' }), migrations, log)).rejects.toThrow('nowhere');
  expect(said).toEqual([
    { file: '0001-quick.sql', database: 'long' },
    { file: '0002-wrong.sql', database: 'long' },
  ]);
});

test('brings up each database of a role that has several, but for those it runs without', async () => {
  const folder = await mkdtemp(join(dir, 'archive-'));
  await writeFile(join(folder, '0001-archive.sql'), 'CREATE TABLE archive (n int);');
  await sql('postgres', 'CREATE DATABASE archive');
  const archive = { folder: pathToFileURL(`${folder}/`), lock: 2, owner: 'the archive' };
  await migrateOnce(
    configFor(),
    [
      { ...migrations(), postgres: ({ postgres }) => postgres },
      {
        ...archive,
        postgres: ({ postgres }) => postgres && { ...postgres, database: 'archive' },
      },
      { ...archive, postgres: () => undefined },
    ],
    silent,
  );
  expect(await sql('archive', 'SELECT file FROM migrations')).toEqual([{ file: '0001-archive.sql' }]);
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
