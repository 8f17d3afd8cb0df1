import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { BackendError } from './error.ts';
import { freePort } from './ports.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import { ensureCluster, placeData, postgresProcess } from './postgres-data.ts';
import { type Exit, endProcess, spawnGuarded } from './process.ts';
import { watchStart } from './start.ts';
import { unprivilegedOwner } from './unprivileged.ts';

export interface PostgresOptions {
  /** The cluster's folder; created on the first start. */
  dir: string;
  /** On 127.0.0.1; 0 takes a free one. */
  port: number;
  /** The superuser that the first start creates, and its password (scram-sha-256). */
  user: string;
  password: string;
  /** Beside `postgres`, which is there anyway: created where they are missing, owned by the superuser. */
  databases?: readonly string[];
  /** For tests: a crash of the machine may damage the data. */
  ephemeral?: boolean;
  onProgress?(line: string): void;
  /** Each line that the server logs. */
  onLog?(line: string): void;
}

export interface PostgresServer {
  port: number;
  pid: number;
  /** Resolves when the server has ended, asked or not. */
  exited: Promise<Exit>;
  /** Ends sessions, writes a checkpoint, ends the server (PostgreSQL's "fast shutdown"). */
  stop(): Promise<void>;
}

const STOP_DEADLINE_MS = 15_000;
const PREVIOUS_DEADLINE_MS = 15_000;

/** Starts PostgreSQL and resolves when it takes connections; rejects with a BackendError that says what is wrong. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { dir, user, password, databases = [], ephemeral = false, onProgress = () => {} } = options;
  const owner = unprivilegedOwner();
  const binaries = await postgresBinaries(owner, onProgress);
  const data = await placeData(dir, owner, onProgress);
  await ensureCluster(data, binaries, owner, { user, password }, onProgress);
  await endPrevious(data);
  const port = options.port || (await freePort());
  const args = ['-D', data, ...settings(port, ephemeral)];
  // SIGINT is the fast shutdown; SIGTERM would wait for the clients to leave.
  const server = await spawnGuarded(join(binaries.dir, 'bin', 'postgres'), args, {
    ...postgresProcess(owner),
    deathSignal: 'SIGINT',
  });
  await watchStart(server, {
    name: 'PostgreSQL',
    port,
    ready: 'ready to accept connections',
    onLog: options.onLog,
  });
  const stop = async () => void (await endProcess(server, 'SIGINT', STOP_DEADLINE_MS));
  await ensureDatabases(databases, { port, user, password }).catch(async (cause) => {
    await stop();
    throw new BackendError(`PostgreSQL cannot create the databases ${databases.join(', ')}.`, { cause });
  });
  return { port, pid: server.pid, exited: server.exited, stop };
}

async function ensureDatabases(
  names: readonly string[],
  server: { port: number; user: string; password: string },
): Promise<void> {
  if (names.length === 0) return;
  const { default: pg } = await import('pg');
  const client = new pg.Client({ ...server, host: '127.0.0.1', database: 'postgres' });
  await client.connect();
  try {
    const { rows } = await client.query('SELECT datname FROM pg_database');
    const present = new Set(rows.map(({ datname }) => datname));
    for (const name of names)
      if (!present.has(name)) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

function settings(port: number, ephemeral: boolean): string[] {
  const values: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    // Loopback with a password is the one way in; a socket in /tmp would be a second.
    unix_socket_directories: '',
    fsync: ephemeral ? 'off' : 'on',
    // Small transactions only: neither the compiler nor I/O workers are worth their processes here.
    jit: 'off',
    io_method: 'sync',
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** A server whose supervisor was killed may still be writing its last checkpoint. */
async function endPrevious(dir: string): Promise<void> {
  const until = Date.now() + PREVIOUS_DEADLINE_MS;
  for (;;) {
    const pid = await previousPid(dir);
    if (pid === undefined) return;
    if (Date.now() > until) throw new BackendError(`Another PostgreSQL (pid ${pid}) still uses ${dir}.`);
    signal(pid);
    await wait(50);
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch {
    // It ended a moment ago.
  }
}

async function previousPid(dir: string): Promise<number | undefined> {
  const lock = await readFile(join(dir, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(lock.split('\n')[0]);
  if (!(pid > 0)) return undefined;
  // The number may be another process's by now.
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.split('\0').includes(dir) ? pid : undefined;
}
