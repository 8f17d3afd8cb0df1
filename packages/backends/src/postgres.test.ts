import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type PostgresOptions, type PostgresServer, startPostgres } from './postgres.ts';
import { reachable } from './unprivileged.ts';

const asRoot = process.getuid?.() === 0;
const nobody = { name: 'nobody', uid: 65534, gid: 65534 };
const nobodyReadsUs =
  asRoot && (await reachable(import.meta.filename, nobody)) && (await reachable(process.execPath, nobody));

let root: string;
let running: PostgresServer[];

const start = async (options: Partial<PostgresOptions> = {}) => {
  const dir = join(root, 'postgres');
  const server = await startPostgres({
    dir,
    port: 0,
    user: 'linchpin',
    password: 'correct horse',
    ephemeral: true,
    ...options,
  });
  running.push(server);
  return server;
};

const query = async (port: number, sql: string, password = 'correct horse') => {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'linchpin', password, database: 'postgres' });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'linchpin-pg-test-'));
  chmodSync(root, 0o711);
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()));
  rmSync(root, { recursive: true });
});

describe('PostgreSQL', () => {
  test('is open to its password, over loopback', async () => {
    const { port } = await start();
    expect(await query(port, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect(await query(port, 'select rolpassword from pg_authid where rolcanlogin')).toEqual([
      { rolpassword: expect.stringMatching(/^SCRAM-SHA-256\$/) },
    ]);
    await expect(query(port, 'select 1', 'wrong')).rejects.toThrow('password authentication failed');
  });

  test('keeps its data, synced to disk, over a restart', async () => {
    const first = await start({ ephemeral: false });
    expect(await query(first.port, 'show fsync')).toEqual([{ fsync: 'on' }]);
    await query(first.port, 'create table kept as select 7 as n');
    await first.stop();
    const said: string[] = [];
    const second = await start({ ephemeral: false, onProgress: (line) => said.push(line) });
    expect(await query(second.port, 'select n from kept')).toEqual([{ n: 7 }]);
    expect(said).toEqual([]);
  });

  test('has the databases that are asked for, also those that are asked for later', async () => {
    const first = await start({ databases: ['one'] });
    await first.stop();
    const { port } = await start({ databases: ['one', 'two'] });
    const present = await query(port, 'select datname from pg_database where not datistemplate order by 1');
    expect(present.map(({ datname }) => datname)).toEqual(['one', 'postgres', 'two']);
  });

  test('tells when it was killed, and recovers', async () => {
    const first = await start();
    await query(first.port, 'create table kept (n int)');
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    const second = await start();
    expect(await query(second.port, 'select n from kept')).toEqual([]);
  });

  test('takes over from one that a killed supervisor left behind', async () => {
    const left = await start();
    await start();
    expect(await left.exited).toEqual({ code: 0, signal: null });
  });

  test('names the port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(start({ port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another program uses that port`,
    );
    other.close();
  });

  test('does not touch the data of another version', async () => {
    mkdirSync(join(root, 'postgres'));
    writeFileSync(join(root, 'postgres', 'PG_VERSION'), '9.6\n');
    await expect(start()).rejects.toThrow('was written by PostgreSQL 9.6');
  });
});

describe.runIf(asRoot)('as root', () => {
  test('opens the way through a temporary folder', async () => {
    const dir = join(mkdtempSync(join(root, 'closed-')), 'postgres');
    expect(await query((await start({ dir })).port, 'show data_directory')).toEqual([
      { data_directory: dir },
    ]);
  });

  test('keeps the data where its unprivileged user can go, and says so', async () => {
    const closed = mkdtempSync('/root/linchpin-pg-test-');
    const dir = join(closed, 'postgres');
    const said: string[] = [];
    const server = await start({ dir, onProgress: (line) => said.push(line) });
    const elsewhere = readlinkSync(dir);
    try {
      expect(said).toContainEqual(expect.stringContaining(`keeping its data in ${elsewhere}`));
      expect(await query(server.port, 'show data_directory')).toEqual([{ data_directory: elsewhere }]);
      await server.stop();
      expect(await query((await start({ dir })).port, 'select 1 as n')).toEqual([{ n: 1 }]);
    } finally {
      await Promise.all(running.map(({ stop }) => stop()));
      rmSync(elsewhere, { recursive: true });
      rmSync(closed, { recursive: true });
    }
  });
});

describe.runIf(nobodyReadsUs)('as a normal user', () => {
  test('runs as that user', async () => {
    chownSync(root, nobody.uid, nobody.gid);
    const script = `
      const { startPostgres } = await import(${JSON.stringify(new URL('./postgres.ts', import.meta.url).href)});
      const server = await startPostgres({ dir: ${JSON.stringify(join(root, 'own'))}, port: 0, user: 'u', password: 'p' });
      const { statSync } = await import('node:fs');
      console.log(statSync('/proc/' + server.pid).uid);
      await server.stop();`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      ...nobody,
      cwd: '/',
      env: { NODE_DISABLE_COMPILE_CACHE: '1' },
    });
    expect(stdout).toBe('65534\n');
  });
});
