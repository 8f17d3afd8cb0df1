import { setTimeout as wait } from 'node:timers/promises';
import { command } from './command.ts';
import type { Role } from './images.ts';
import { NODE } from './kind-cluster.ts';
import { env } from './machine.ts';

export const RELEASE = 'linchpin';
export const NAMESPACE = 'linchpin';

interface ContainerStatus {
  name: string;
  ready: boolean;
  restartCount: number;
  containerID?: string;
  image: string;
  state: {
    waiting?: { reason: string; message?: string };
    terminated?: { reason: string; message?: string };
  };
}

export interface Pod {
  metadata: { name: string; uid: string; deletionTimestamp?: string };
  spec: { containers: { image: string }[] };
  status: {
    phase: string;
    conditions?: { type: string; status: string; message?: string }[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');

/** What `kubectl` does for an operator, in one namespace. */
export interface Kube {
  run(...args: string[]): Promise<string>;
  json<T>(...args: string[]): Promise<T>;
  /** Of a role, or of a backend (`nats`, `postgres`); all without a name. */
  pods(role?: string): Promise<Pod[]>;
  scale(role: Role, replicas: number): Promise<void>;
  /** Resolves with the milliseconds until exactly so many pods are there and all are ready. */
  settled(role: string, replicas: number, milliseconds?: number): Promise<number>;
  ready(pod: string): Promise<boolean>;
  /** SIGKILL to the first process of a pod, sent from the node: what an OOM or a crash does. */
  kill(pod: string): Promise<void>;
  /** Resolves when the check gives a value; rejects with `what` when it gave none in time. */
  until<T>(what: string, check: () => Promise<T | undefined | false>, milliseconds?: number): Promise<T>;
  /** The pods that are not ready, by what they wait for, on one line. */
  unready(): Promise<string>;
  /** What those that do not start say themselves. */
  complaints(): Promise<string>;
  /** How often each container has ended so far, by the pod's uid. */
  restarts(): Promise<Map<string, number>>;
}

export function createKube(namespace = NAMESPACE): Kube {
  const run = (...args: string[]): Promise<string> => command('kubectl', ['-n', namespace, ...args], { env });
  const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await run(...args, '-o', 'json')) as T;

  async function pods(role?: string): Promise<Pod[]> {
    const { items } = await json<{ items: Pod[] }>('get', 'pods');
    const named = new RegExp(`-${role}-\\d+$`);
    return role === undefined ? items : items.filter(({ metadata }) => named.test(metadata.name));
  }

  async function until<T>(
    what: string,
    check: () => Promise<T | undefined | false>,
    milliseconds = 120_000,
  ): Promise<T> {
    for (const deadline = Date.now() + milliseconds; ; await wait(200)) {
      const found = await check();
      if (found !== undefined && found !== false) return found;
      if (Date.now() > deadline) throw new Error(`not in ${milliseconds / 1000} s: ${what}`);
    }
  }

  async function unready(): Promise<string> {
    const waiting = (await pods()).filter((pod) => !isReady(pod) && pod.status.phase !== 'Succeeded');
    const states = Map.groupBy(waiting, stateOf);
    return [...states].map(([state, same]) => `${same.map(shortName).join(' ')} ${state}`).join('; ');
  }

  return {
    run,
    json,
    pods,
    until,
    async scale(role, replicas) {
      await run('scale', `statefulset/${RELEASE}-${role}`, `--replicas=${replicas}`);
    },
    async settled(role, replicas, milliseconds = 180_000) {
      const begun = performance.now();
      const reached = async (): Promise<boolean> => {
        const found = await pods(role);
        return found.length === replicas && found.every(isReady);
      };
      await until(`${replicas} ready pods of ${role}`, reached, milliseconds).catch(async ({ message }) => {
        throw new Error(`${message}; ${await unready()}`);
      });
      return performance.now() - begun;
    },
    ready: async (pod) => (await pods()).some((one) => one.metadata.name === pod && isReady(one)),
    async kill(pod) {
      const { status } = await json<Pod>('get', 'pod', pod);
      const id = status.containerStatuses?.[0]?.containerID?.replace('containerd://', '');
      if (id === undefined) throw new Error(`${pod} has no container that runs`);
      const script = `kill -9 $(ctr -n k8s.io task ls | awk '$1 == "${id}" { print $2 }')`;
      await command('docker', ['exec', NODE, 'sh', '-c', script], { env });
    },
    unready,
    async complaints() {
      const crashed = (await pods()).filter((pod) => stateOf(pod) !== 'starts' && !isReady(pod));
      const said = crashed.map(async (pod) => {
        const { name } = pod.metadata;
        const last = ['logs', name, '--all-containers', '--tail=3'];
        const text = await run(...last, '--previous').catch(() => run(...last).catch(() => ''));
        return `${name}: ${stateOf(pod)}\n${text.trim().replaceAll(/^/gm, '  ')}`;
      });
      return (await Promise.all(said)).join('\n');
    },
    async restarts() {
      const count = ({ status }: Pod): number => status.containerStatuses?.[0]?.restartCount ?? 0;
      const waiting = (await pods()).filter((pod) => !isReady(pod));
      return new Map(waiting.map((pod) => [pod.metadata.uid, count(pod)]));
    },
  };
}

const shortName = ({ metadata }: Pod): string => metadata.name.replace(`${RELEASE}-`, '');

/** What `kubectl get pods` would show in its STATUS column. */
function stateOf({ status }: Pod): string {
  const states = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const stuck = states.find(({ state }) => state.waiting ?? state.terminated?.reason === 'Error')?.state;
  if (stuck) return stuck.waiting?.reason ?? stuck.terminated?.reason ?? 'Error';
  const unscheduled = status.conditions?.find(
    ({ type, status: is }) => type === 'PodScheduled' && is === 'False',
  );
  return unscheduled?.message ?? (states.length > 0 ? 'starts' : status.phase);
}
