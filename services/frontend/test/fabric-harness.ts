// Front Ends that are nothing but members and fabric, on one real nats-server, with links that can be cut.
import { createLog, type NatsLink } from '@linchpin/host';
import { userStateKey } from '@linchpin/proto/subjects';
import { createLab, type Lab } from '@linchpin/testkit';
import { createMembers, GROUPS, groupOf, type Members } from '@linchpin/topology';
import { vi } from 'vitest';
import { createFabric, type Fabric, type FabricOptions } from '../src/fabric/fabric.ts';

export const POOL = 'frontend';
const log = createLog({ role: 'frontend', name: 'test', level: (process.env.LOG as 'silent') ?? 'silent' });
/** Short, so that a death is seen soon; the parts are to each other as they are in the product. */
const TIMING = { heartbeatMs: 200, leaseMs: 1200, takeoverMs: 1800 };

export interface Pod {
  readonly name: string;
  readonly fabric: Fabric;
  readonly members: Members;
  /** Groups that capabilities hold to be served here. */
  readonly taken: Set<number>;
  owned(): number[];
  serves(user: string): boolean;
  put(user: string, value: unknown): Promise<void>;
  get(user: string): unknown;
  /** What it sends and what it gets stays in the link from now on, as when the process sleeps. */
  cut(): void;
  mend(): void;
  /** Dies without a word. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface PodOptions {
  backup?: FabricOptions['backup'];
  patience?: number;
}

export const userKey = (user: string): string => userStateKey('bindings', `${user}@contoso.lab`);
export const aorOf = (user: string): string => `sip:${user}@contoso.lab`;
export const groupOfUser = (user: string): number => groupOf(aorOf(user));

export async function startPod(lab: Lab, name: string, options: PodOptions = {}): Promise<Pod> {
  const { link: nats, cut, mend } = cuttable(await lab.natsLink('frontend'));
  const members = createMembers({
    nats,
    self: { pod: name, role: 'frontend', pool: POOL, address: '127.0.0.1:7040', productVersion: '0.0.0' },
    log,
    timing: TIMING,
  });
  const fabric = createFabric({
    nats,
    members,
    pool: POOL,
    pod: name,
    replicas: 1,
    log,
    patience: options.patience ?? 2000,
    ...(options.backup && { backup: options.backup }),
    timing: { unclaimedMs: 2000 },
  });
  const taken = new Set<number>();
  fabric.onTaken((group) => taken.add(group));
  fabric.onReleased((group) => taken.delete(group));
  members.follow();
  fabric.start();
  void members.announce({}).catch(() => {});
  let isDown = false;
  async function end(politely: boolean): Promise<void> {
    if (isDown) return;
    isDown = true;
    if (!politely) cut();
    await fabric.stop();
    if (politely) await members.stop();
    else void members.stop();
    await nats.close();
  }
  return {
    name,
    fabric,
    members,
    taken,
    owned: () =>
      fabric
        .describe()
        .groups.filter(({ here }) => here === 'serving')
        .map(({ group }) => group),
    serves: (user) => fabric.serves(aorOf(user)),
    put: (user, value) => fabric.state.put(userKey(user), value),
    get: (user) => fabric.state.get(userKey(user)),
    cut,
    mend,
    kill: () => end(false),
    stop: () => end(true),
  };
}

/** A link whose connection can be held up in both directions, without either side noticing that it is gone. */
function cuttable(link: NatsLink): { link: NatsLink; cut(): void; mend(): void } {
  const sockets = () => {
    const connection = (link as unknown as { connection(): Promise<unknown> }).connection();
    return connection.then((nc) => {
      const { transport } = (nc as { protocol: { transport: { socket: Paused } } }).protocol;
      return transport.socket;
    });
  };
  return {
    link,
    cut() {
      void sockets().then((socket) => {
        socket.pause();
        socket.cork();
      });
    },
    mend() {
      void sockets().then((socket) => {
        socket.uncork();
        socket.resume();
      });
    },
  };
}

interface Paused {
  pause(): void;
  resume(): void;
  cork(): void;
  uncork(): void;
}

export const until = (condition: () => unknown, timeout = 15_000): Promise<void> =>
  vi.waitFor(
    () => {
      if (!condition()) throw new Error(`not yet: ${condition}`);
    },
    { timeout, interval: 10 },
  );

/** Each group is served by just one of them, by whom it is meant for. */
export function areSettled(pods: readonly Pod[]): boolean {
  const owned = pods.map((pod) => pod.owned());
  const all = owned.flat();
  if (all.length !== GROUPS || new Set(all).size !== GROUPS) return false;
  return pods.every((pod, at) =>
    pod.fabric.describe().groups.every(({ group, placement, state }) => {
      const isMine = owned[at]?.includes(group) === true;
      return isMine === (placement[0] === pod.name) && (pods.length === 1 || state === 'served');
    }),
  );
}

export { createLab };
