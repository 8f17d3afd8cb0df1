import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { command, succeeds } from './command.ts';
import { say, step } from './progress.ts';

export const root = join(import.meta.dirname, '../..');
const local = join(import.meta.dirname, 'local');

/** What was compiled, the kubeconfig and reports; outside the repository, so that every copy of it shares them. */
export const cache = process.env.LINCHPIN_CLUSTER_CACHE ?? join(homedir(), '.cache/linchpin-cluster');
export const kubeconfig = join(cache, 'kubeconfig');
export const caFile = join(cache, 'ca.pem');

const socket = join(cache, 'docker/docker.sock');
const enginePid = join(cache, 'docker/docker.pid');

/** `local`: nothing is pulled; engine, tools and node image are made here out of Go modules and Debian packages. */
export type Origin = 'public' | 'local';

/** For every tool that is run: the cache's tools first, its kubeconfig, and its engine where no other answers. */
export const env: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${join(cache, 'bin')}:${join(cache, 'kubernetes/bin')}:${process.env.PATH}`,
  KUBECONFIG: kubeconfig,
  LINCHPIN_CLUSTER_CACHE: cache,
};

const answers = (): Promise<boolean> => succeeds('docker', ['info'], { env });

/** Finds the engine that answers: the one this shell knows, else the one in the cache. */
export async function findEngine(): Promise<boolean> {
  mkdirSync(cache, { recursive: true });
  if (await answers()) return true;
  if (!existsSync(socket)) return false;
  env.DOCKER_HOST = `unix://${socket}`;
  return answers();
}

/** A registry that one can pull from asks who is there (401); a network without one gives any other answer or none. */
export async function originOf(asked: { public?: boolean; local?: boolean }): Promise<Origin> {
  if (asked.public) return 'public';
  if (asked.local || existsSync(join(cache, 'kubernetes/bin/kubelet'))) return 'local';
  const reply = await fetch('https://registry-1.docker.io/v2/', { signal: AbortSignal.timeout(5000) }).catch(
    () => undefined,
  );
  return reply?.status === 401 ? 'public' : 'local';
}

const FIRST_TIME: Record<Origin, string> = {
  public: 'The first time takes about 3 minutes and 2 GB for the images that are pulled.',
  local:
    'No registry is used: the first time takes about 20 minutes on two cores and 8 GB of disk in ' +
    `${cache} (7 minutes of it compile Kubernetes). After that a cluster takes a minute.`,
};

const WHERE: Record<string, string> = {
  docker: 'https://docs.docker.com/engine/install',
  kind: 'https://kind.sigs.k8s.io',
  kubectl: 'https://kubernetes.io/docs/tasks/tools',
  helm: 'https://helm.sh/docs/intro/install',
};

/** Makes sure that an engine and the tools are there. */
export async function prepareMachine(origin: Origin): Promise<void> {
  if (origin === 'local' && !existsSync(join(cache, 'kubernetes/version'))) say(FIRST_TIME.local);
  const running = await findEngine();
  if (origin === 'public') return requireTools(running);
  if (!running) {
    await step('starting a Docker engine', () => command(join(local, 'engine'), [], { env, show: true }));
    env.DOCKER_HOST = `unix://${socket}`;
  }
  await command(join(local, 'tools'), [], { env, show: true });
  if (!(await succeeds('docker', ['image', 'inspect', nodeImage()], { env })))
    await command(join(local, 'node-image/build'), [], { env, show: true });
}

async function requireTools(engineRuns: boolean): Promise<void> {
  const missing: string[] = [];
  for (const [tool, where] of Object.entries(WHERE))
    if (!(await succeeds(tool, [tool === 'docker' ? '--version' : 'version', ...clientOnly(tool)], { env })))
      missing.push(`  ${tool}: ${where}`);
  if (missing.length > 0)
    throw new Error(
      `Not installed:\n${missing.join('\n')}\nOr let \`npm run cluster up -- --local\` compile them.`,
    );
  if (!engineRuns) throw new Error('No Docker engine answers: start it, or set DOCKER_HOST.');
  say(FIRST_TIME.public);
}

const clientOnly = (tool: string): string[] => (tool === 'kubectl' ? ['--client'] : []);

/** The node image made here. */
export function nodeImage(): string {
  return `linchpin/node:v${readFileSync(join(cache, 'kubernetes/version'), 'utf8').trim()}`;
}

/** Ends the engine that `prepareMachine` started; leaves any other alone. */
export async function stopEngine(): Promise<void> {
  if (!existsSync(enginePid)) return;
  const pid = Number(readFileSync(enginePid, 'utf8'));
  const isOurs =
    existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(cache);
  if (isOurs) process.kill(pid, 'SIGTERM');
}
