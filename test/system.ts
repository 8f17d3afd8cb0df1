import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Run, run } from './peers/process.ts';

const linchpin = join(import.meta.dirname, '../linchpin');

export interface Status {
  ready: boolean;
  domain: string;
  home: string;
  caFile: string;
  roles: {
    role: string;
    name: string;
    pid: number | null;
    version: string;
    configVersion: number;
    health: string;
  }[];
  endpoints: { role: string; name: string; protocol: string; address: string; port: number }[];
}

/** Standard Edition in a temporary folder, started and asked the way an operator does it. */
export interface System {
  readonly home: string;
  readonly domain: string;
  readonly caFile: string;
  readonly process: Run;
  /** Runs `./linchpin <args> --home …`, resolves with what it prints, rejects with what it said on stderr. */
  cli(...args: string[]): Promise<string>;
  status(): Promise<Status>;
  port(endpoint: string): number;
  endpoint(role: string, name: string): Status['endpoints'][number];
  /** Resolves when every role runs this version of the configuration or a newer one. */
  runsVersion(version: number): Promise<void>;
  pid(role: string): Promise<number>;
  /** Creates a user, resolves with the password that was made. */
  createUser(name: string): Promise<string>;
  /** Stops it, starts it again on the same folder, and resolves with the seconds until it was ready. */
  restart(): Promise<number>;
  stop(): Promise<void>;
}

/** Ports of one system lie within this many of its offset; offsets are spread so that test files do not meet. */
const BASE_PORTS = [
  5060, 5061, 5443, 5444, 7010, 7011, 7020, 7021, 7030, 7031, 7040, 7041, 7050, 7051, 7222, 7432, 7443,
];

const isTaken = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** The highest port is 19,443: from 20,000 on there are ports that `freePort` gives to single servers. */
async function freeOffset(): Promise<number> {
  for (;;) {
    const offset = 1000 + Math.floor(Math.random() * 111) * 100;
    const taken = await Promise.all(BASE_PORTS.map((port) => isTaken(port + offset)));
    if (!taken.includes(true)) return offset;
  }
}

export async function startSystem({ domain = 'contoso.lab' } = {}): Promise<System> {
  const home = mkdtempSync(join(tmpdir(), 'linchpin-'));
  const offset = await freeOffset();
  const args = ['start', '--home', home, '--domain', domain, '--port-offset', String(offset)];
  let process = run(linchpin, args, { cwd: tmpdir() });

  const cli = async (...words: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(linchpin, [...words, '--home', home], {
      cwd: tmpdir(),
      maxBuffer: 2 ** 24,
    });
    return stdout;
  };
  const status = async (): Promise<Status> => JSON.parse(await cli('status', '-o', 'json')) as Status;

  async function untilReady(): Promise<Status> {
    for (const deadline = Date.now() + 90_000; ; ) {
      const latest = await status().catch(() => undefined);
      if (latest?.ready) return latest;
      if (process.child.exitCode !== null || Date.now() > deadline)
        throw new Error(`the system did not start:\n${process.output()}`);
    }
  }
  const started = await untilReady();

  return {
    home,
    domain,
    caFile: started.caFile,
    get process() {
      return process;
    },
    cli,
    status,
    port: (name) => endpointOf(started, ({ name: candidate }) => candidate === name, name).port,
    endpoint: (role, name) =>
      endpointOf(started, (entry) => entry.role === role && entry.name === name, `${role} ${name}`),
    async runsVersion(version) {
      for (const deadline = Date.now() + 10_000; ; ) {
        const { roles } = await status();
        if (roles.every((role) => role.configVersion >= version)) return;
        if (Date.now() > deadline)
          throw new Error(`not every role runs version ${version}: ${JSON.stringify(roles)}`);
      }
    },
    async pid(role) {
      const pid = (await status()).roles.find((entry) => entry.role === role)?.pid;
      if (typeof pid !== 'number') throw new Error(`${role} does not run`);
      return pid;
    },
    async createUser(name) {
      const printed = await cli('create', 'user', name, '-o', 'json');
      return (JSON.parse(printed) as { password: string }).password;
    },
    async restart() {
      await process.stop('SIGTERM', 30_000);
      const startedAt = performance.now();
      process = run(linchpin, args, { cwd: tmpdir() });
      await untilReady();
      return (performance.now() - startedAt) / 1000;
    },
    async stop() {
      await process.stop('SIGTERM', 30_000);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

type Endpoint = Status['endpoints'][number];

function endpointOf({ endpoints }: Status, match: (endpoint: Endpoint) => boolean, what: string): Endpoint {
  const found = endpoints.find(match);
  if (found === undefined) throw new Error(`no endpoint ${what} in ${JSON.stringify(endpoints)}`);
  return found;
}

/** The lines that a role wrote to its log file, newest last. */
export function roleLog(system: System, role: string): Record<string, unknown>[] {
  return readFileSync(join(system.home, 'logs', `${role}.log`), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
