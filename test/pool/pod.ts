import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GuardedChild, spawnGuarded } from '@linchpin/backends';
import { type Cuttable, createCuttable } from './cuttable.ts';
import { freePorts, type PodPlan, type PodPorts, type PoolRole, podConfig } from './pod-config.ts';

const root = join(import.meta.dirname, '../..');

export interface Pod {
  readonly name: string;
  readonly role: PoolRole;
  readonly pid: number;
  readonly ports: PodPorts;
  /** Its way to NATS. */
  readonly nats: Cuttable;
  /** Resolves when `/healthz/ready` says so; rejects with its output when it ends before. */
  ready(milliseconds?: number): Promise<void>;
  isReady(): Promise<boolean>;
  status(): Promise<Record<string, unknown>>;
  /** The value of a metric summed over its labels; 0 where there is none yet. */
  metric(name: string): Promise<number>;
  signal(signal: NodeJS.Signals): void;
  readonly running: boolean;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** What it wrote to stdout, parsed where it is JSON. */
  log(): Record<string, unknown>[];
  output(): string;
  stop(): Promise<void>;
}

export interface PodOptions extends Omit<PodPlan, 'ports' | 'natsPort' | 'dataDir'> {
  /** Those that it had before; else free ones. */
  ports?: PodPorts;
  /** Where nats-server listens at the time. */
  nats(): number;
  /** Environment beside our own. */
  env?: Record<string, string>;
}

const wait = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

export async function startPod(options: PodOptions): Promise<Pod> {
  const { lab, role, name, env = {} } = options;
  const dataDir = join(lab.dir, 'pods', name);
  await mkdir(dataDir, { recursive: true });
  // First, or it may be given one of the ports that were free a moment ago.
  const nats = await createCuttable(options.nats);
  const ports = options.ports ?? (await freePorts(role));
  const file = join(dataDir, 'config.json');
  const config = await podConfig({ ...options, dataDir, ports, natsPort: nats.port });
  await writeFile(file, JSON.stringify(config, undefined, 2));
  const main = join(root, 'services', role, 'src/main.ts');
  const child = await spawnGuarded(process.execPath, [main, '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    deathSignal: 'SIGKILL',
  });
  return follow(child, { name, role, ports, nats });
}

function follow(child: GuardedChild, fixed: Pick<Pod, 'name' | 'role' | 'ports' | 'nats'>): Pod {
  const { name, ports, nats } = fixed;
  let text = '';
  let running = true;
  for (const stream of [child.child.stdout, child.child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
  void child.exited.then(({ code, signal }) => {
    running = false;
    nats.close();
    // Of a pod that ends by itself nobody would know why.
    if (signal === null && code !== 0) console.error(`${name} ended with ${code}:\n${text.slice(-4000)}`);
  });
  const ask = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${ports.http}${path}`, { signal: AbortSignal.timeout(2000) });
  const isReady = async (): Promise<boolean> =>
    running &&
    (await ask('/healthz/ready').then(
      ({ ok }) => ok,
      () => false,
    ));

  return {
    ...fixed,
    pid: child.pid,
    isReady,
    async ready(milliseconds = 20_000) {
      for (const until = performance.now() + milliseconds; !(await isReady()); await wait(30)) {
        if (!running) throw new Error(`${name} ended before it was ready:\n${text}`);
        if (performance.now() > until) throw new Error(`${name} is not ready in time:\n${text}`);
      }
    },
    status: async () => (await (await ask('/status')).json()) as Record<string, unknown>,
    async metric(metric) {
      const lines = (await (await ask('/metrics')).text()).split('\n');
      return lines
        .filter((line) => line.startsWith(`${metric} `) || line.startsWith(`${metric}{`))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
    signal: (signal) => void child.child.kill(signal),
    get running() {
      return running;
    },
    exited: child.exited,
    output: () => text,
    log: () =>
      text.split('\n').flatMap((line) => {
        try {
          return line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : [];
        } catch {
          return [];
        }
      }),
    async stop() {
      if (!running) return;
      child.child.kill('SIGCONT');
      child.child.kill('SIGKILL');
      await child.exited;
    },
  };
}
