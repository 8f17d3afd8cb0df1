// A real nats-server with JetStream for one test, and a link to it of the shape that `@linchpin/host` gives.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { freePort } from '../../backends/src/ports.ts';
import type { NatsLink } from '../src/replica.ts';

export interface NatsServer {
  readonly port: number;
  /** Ends the process and leaves the store for `start`. */
  stop(): Promise<void>;
  /** On the same port; `empty` loses the store first. */
  start(options?: { empty: boolean }): Promise<void>;
  /** The process stands still, with its connections open, until `resume`. */
  pause(): void;
  resume(): void;
  remove(): Promise<void>;
}

export async function startNatsServer(): Promise<NatsServer> {
  const dir = await mkdtemp(join(tmpdir(), 'linchpin-nats-'));
  const store = join(dir, 'store');
  const port = await freePort();
  let child: ChildProcess;

  async function start({ empty } = { empty: false }): Promise<void> {
    if (empty) await rm(store, { recursive: true, force: true });
    const args = ['-js', '-sd', store, '-a', '127.0.0.1', '-p', String(port), '--ports_file_dir', dir];
    child = spawn('nats-server', args, { stdio: 'ignore' });
    await once(child, 'spawn').catch(() => {
      throw new Error('nats-server is not in PATH: this test needs it');
    });
    await listening(dir, child);
  }

  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  }

  await start();
  return {
    port,
    start,
    stop,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async remove() {
      await stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The server writes its ports, once it listens, into a file that is named after its process. */
async function listening(dir: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const name = (await readdir(dir)).find((file) => file.endsWith(`_${child.pid}.ports`));
    const text = name === undefined ? '' : await readFile(join(dir, name), 'utf8');
    if (text.endsWith('}') || text.endsWith('}\n')) return;
    await sleep(5);
  }
  throw new Error(`nats-server ended with code ${child.exitCode}`);
}

/** Connects as soon as the server is there, again and again. */
export function linkTo(server: Pick<NatsServer, 'port'>): NatsLink & { close(): Promise<void> } {
  const listeners = new Set<(connection: NatsConnection) => void>();
  let closed = false;
  let up: NatsConnection | undefined;

  const connection = (async () => {
    while (!closed) {
      const attempt = connect({ port: server.port, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
      const made = await attempt.catch(() => undefined);
      if (made !== undefined) return made;
      await sleep(50);
    }
    throw new Error('closed');
  })();
  connection.catch(() => {});

  const tell = (made: NatsConnection) => {
    up = made;
    for (const listener of listeners) listener(made);
  };
  void connection.then(async (made) => {
    tell(made);
    for await (const status of made.status()) {
      if (status.type === 'reconnect') tell(made);
      if (status.type === 'disconnect') up = undefined;
    }
  });

  return {
    get connected() {
      return up !== undefined;
    },
    connection: () => connection,
    onConnected(listener) {
      listeners.add(listener);
      if (up !== undefined) listener(up);
      return () => listeners.delete(listener);
    },
    async close() {
      closed = true;
      await connection.then((made) => made.close()).catch(() => {});
    },
  };
}
