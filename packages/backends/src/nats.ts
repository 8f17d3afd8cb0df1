import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findNatsServer } from './nats-binary.ts';
import { type NatsPermissions, natsPermissions } from './nats-permissions.ts';
import { freePort } from './ports.ts';
import { type Exit, endProcess, spawnGuarded } from './process.ts';
import { watchStart } from './start.ts';

export interface NatsOptions {
  /** Holds nats.json and the JetStream store. */
  dir: string;
  /** On 127.0.0.1; 0 takes a free one. */
  port: number;
  /** Paths. The server's certificate names localhost and 127.0.0.1; the CA signs the clients' certificates too. */
  tls: { ca: string; cert: string; key: string };
  /** Instead of the rules for Linchpin's roles; a client whose certificate names none of the keys is refused. */
  permissions?: NatsPermissions;
  /** Where a downloaded nats-server is kept; by default `dir`. */
  cacheDir?: string;
  onProgress?(line: string): void;
  /** Each line that the server logs. */
  onLog?(line: string): void;
}

export interface NatsServer {
  port: number;
  pid: number;
  /** Resolves when the server has ended, asked or not. */
  exited: Promise<Exit>;
  /** Reads renewed certificates. */
  reload(): void;
  stop(): Promise<void>;
}

const STOP_DEADLINE_MS = 10_000;

/** Starts nats-server with JetStream and mutual TLS; resolves when it takes connections. */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const { dir, cacheDir = dir, onProgress = () => {} } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const binary = await findNatsServer({ cacheDir, onProgress });
  const port = options.port || (await freePort());
  const config = join(dir, 'nats.json');
  await writeFile(config, JSON.stringify(serverConfig(options, port), undefined, 2), { mode: 0o600 });
  await chmod(config, 0o600);
  const server = await spawnGuarded(binary, ['--config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  await watchStart(server, { name: 'NATS', port, ready: 'Server is ready', onLog: options.onLog });
  return {
    port,
    pid: server.pid,
    exited: server.exited,
    reload: () => void server.child.kill('SIGHUP'),
    stop: async () => void (await endProcess(server, 'SIGTERM', STOP_DEADLINE_MS)),
  };
}

/** nats-server's configuration language takes JSON. */
function serverConfig({ dir, tls, permissions = natsPermissions() }: NatsOptions, port: number) {
  return {
    listen: `127.0.0.1:${port}`,
    server_name: 'linchpin',
    // A SIP message may carry a large body, and a user's state is one value.
    max_payload: 2 * 1024 * 1024,
    jetstream: { store_dir: dir },
    tls: { ca_file: tls.ca, cert_file: tls.cert, key_file: tls.key, verify_and_map: true, timeout: 5 },
    authorization: {
      users: Object.entries(permissions).map(([user, rules]) => ({ user, permissions: rules })),
    },
  };
}
