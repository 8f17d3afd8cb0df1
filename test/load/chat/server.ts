// A pod of Persistent Chat as it is run: its own process, from its configuration file.
import { join } from 'node:path';
import { endProcess, spawnGuarded } from '@linchpin/backends';

const main = join(import.meta.dirname, '../../../services/persistent-chat/src/main.ts');
const READY_MS = 60_000;
const LOOK_MS = 5;

export interface Server {
  readonly pid: number;
  /** Milliseconds from its start until it said that it is ready. */
  readonly startedIn: number;
  stop(): Promise<void>;
}

/** Resolves when `/healthz/ready` says so. */
export async function startServer({ file, http }: { file: string; http: number }): Promise<Server> {
  const began = performance.now();
  const child = await spawnGuarded(process.execPath, [main, '--config', file], {
    // The bench's own output is a table.
    stdio: ['ignore', 2, 2],
    deathSignal: 'SIGKILL',
  });
  let running = true;
  void child.exited.then(() => {
    running = false;
  });
  const stop = async () => void (await endProcess(child, 'SIGTERM', 5_000));
  while (!(await isReady(http))) {
    if (!running) throw new Error('a pod of Persistent Chat ended before it was ready');
    if (performance.now() - began > READY_MS) {
      await stop();
      throw new Error('a pod of Persistent Chat is not ready in time');
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return { pid: child.pid, startedIn: performance.now() - began, stop };
}

const isReady = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/healthz/ready`, { signal: AbortSignal.timeout(1000) }).then(
    ({ ok }) => ok,
    () => false,
  );
