// A pool as a cluster runs it, on one machine: pods are processes, a Service is a balancer in this one.
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLog, createPostgres } from '@linchpin/host';
import {
  createLab,
  globalDocuments,
  LAB_DOMAIN,
  type Lab,
  type LabDocument,
  topologyDocument,
  userDocuments,
} from '@linchpin/testkit';
import type { Way } from '../clients/way.ts';
import { type Balancer, createTcpBalancer, createUdpBalancer } from './balancer.ts';
import { type Pod, startPod } from './pod.ts';
import { CHAT_DATABASES, databaseOf, type PodPorts, type PoolRole } from './pod-config.ts';
import { createPoolView, type PoolView } from './pool-view.ts';

export interface PoolOptions {
  frontends?: number;
  directors?: number;
  edges?: number;
  /** Pods of Persistent Chat, with databases of their own; all users may use it then. */
  chats?: number;
  /** u0, u1, … with passwords pw-u0, pw-u1, … */
  users?: number;
  /** Front Ends write their state behind to PostgreSQL. */
  postgres?: boolean;
  drainSeconds?: number;
  /** Over the configuration of every pod of a role. */
  extra?: Partial<Record<PoolRole, Record<string, unknown>>>;
}

export interface PoolLab {
  readonly lab: Lab;
  readonly domain: string;
  /** "u0@contoso.lab" */
  readonly users: readonly string[];
  password(user: string): string;
  /** What tells who owns what. */
  readonly view: PoolView;
  /** Those that run, oldest first. */
  pods(role: PoolRole): Pod[];
  /** Starts one more and resolves when it is ready and gets new connections. */
  add(role: PoolRole, env?: Record<string, string>): Promise<Pod>;
  /** The same pod anew, as a StatefulSet does it: name, ports and folder are those it had. */
  again(pod: Pod): Promise<Pod>;
  /** Resolves when it is gone. */
  kill9(pod: Pod): Promise<void>;
  pause(pod: Pod): void;
  resume(pod: Pod): void;
  /** SIGTERM, and no new connections; resolves with the milliseconds until it had ended by itself. */
  drain(pod: Pod): Promise<number>;
  /** Every role's Service. */
  readonly ways: { edge: Way; tls: Way; tcp: Way; udp: Way; chat: Way };
  /** Straight to one pod. */
  wayTo(pod: Pod, listener: 'sip-udp' | 'sip-tcp' | 'sip-tls' | 'access-tls'): Way;
  /** What any pod, also one that is gone, logged with this text in it. */
  logOf(text: string): string[];
  publish(documents: readonly LabDocument[]): Promise<number>;
  /** Stops nats-server and deletes all it kept. */
  loseStore(): Promise<void>;
  /** Starts nats-server and publishes the configuration, as CMS does when it finds none. */
  newStore(): Promise<void>;
  close(): Promise<void>;
}

const roles = ['director', 'frontend', 'edge', 'persistent-chat'] as const;

export async function startPool(options: PoolOptions = {}): Promise<PoolLab> {
  const { frontends = 1, directors = 1, edges = 1, drainSeconds = 20, postgres = false } = options;
  const { chats = 0 } = options;
  const lab = await createLab({ postgres: postgres || chats > 0 });
  if (chats > 0) await createChatDatabases(lab);
  const signingKeyFile = join(lab.dir, 'signing.key');
  await writeFile(signingKeyFile, randomBytes(32), { mode: 0o600 });
  const users = Array.from({ length: options.users ?? 0 }, (_, index) => `u${index}@${LAB_DOMAIN}`);
  const password = (user: string): string => `pw-${user.split('@')[0]}`;
  const natsPort = (): number => Number(lab.natsUrl.split(':').at(-1));
  const { ca: caFile } = await lab.sipTls(LAB_DOMAIN);
  const running = new Map<string, Pod>();
  const made: Record<PoolRole, number> = { frontend: 0, director: 0, edge: 0, 'persistent-chat': 0 };
  const every: Pod[] = [];
  /** Pods that get new connections. */
  const serving = new Set<Pod>();

  const balancers: Record<string, Balancer> = {
    'access-tls': await createTcpBalancer(),
    'sip-tls': await createTcpBalancer(),
    'sip-tcp': await createTcpBalancer(),
    'sip-udp': await createUdpBalancer(),
    'chat-https': await createTcpBalancer(),
  };
  function balance(): void {
    for (const [listener, balancer] of Object.entries(balancers)) {
      const ports = [...serving].flatMap(({ ports: { listeners } }) => listeners[listener] ?? []);
      balancer.setTargets(ports);
    }
  }

  const documents: LabDocument[] = [
    ...globalDocuments,
    topologyDocument(roles.map((role) => ({ role, members: {} }))),
    {
      kind: 'AccessEdgeConfiguration',
      name: 'global',
      spec: { maxConnectionsPerSource: 20_000, maxMessagesPerSecondPerSource: 100_000 },
    },
    { kind: 'PersistentChatPolicy', name: 'global', spec: { enabled: chats > 0 } },
    { kind: 'PersistentChatConfiguration', name: 'global', spec: {} },
    ...users.flatMap((user) => userDocuments({ name: user.split('@')[0] ?? '', password: password(user) })),
  ];
  await lab.publisher.publish(documents);

  const add = (role: PoolRole, env?: Record<string, string>): Promise<Pod> =>
    start(role, `${role}-${made[role]++}`, env);

  async function start(
    role: PoolRole,
    name: string,
    env?: Record<string, string>,
    ports?: PodPorts,
  ): Promise<Pod> {
    const pod = await startPod({
      lab,
      role,
      name,
      signingKeyFile,
      drainSeconds,
      withPostgres: postgres,
      nats: natsPort,
      ...(env && { env }),
      ...(ports && { ports }),
      ...(options.extra?.[role] && { extra: options.extra[role] }),
    });
    running.set(name, pod);
    every.push(pod);
    void pod.exited.then(() => {
      running.delete(name);
      serving.delete(pod);
      balance();
    });
    await pod.ready();
    serving.add(pod);
    balance();
    return pod;
  }

  const ofRole = (role: PoolRole): Pod[] => [...running.values()].filter((pod) => pod.role === role);
  const view = createPoolView(lab, 'frontend');
  const way = (transport: Way['transport'], listener: string): Way => ({
    transport,
    host: '127.0.0.1',
    port: balancers[listener]?.port ?? 0,
    ...(transport === 'tls' && { caFile }),
  });

  const started = Array.from({ length: Math.max(frontends, directors, edges, chats) }, (_, index) => [
    ...(index < directors ? ['director' as const] : []),
    ...(index < frontends ? ['frontend' as const] : []),
    ...(index < edges ? ['edge' as const] : []),
    ...(index < chats ? ['persistent-chat' as const] : []),
  ]).flat();
  const pool: PoolLab = {
    lab,
    domain: LAB_DOMAIN,
    users,
    password,
    view,
    pods: ofRole,
    add,
    again: ({ role, name, ports }) => start(role, name, undefined, ports),
    async kill9(pod) {
      pod.signal('SIGKILL');
      await pod.exited;
    },
    pause: (pod) => pod.signal('SIGSTOP'),
    resume: (pod) => pod.signal('SIGCONT'),
    async drain(pod) {
      const begun = performance.now();
      serving.delete(pod);
      balance();
      pod.signal('SIGTERM');
      await pod.exited;
      return performance.now() - begun;
    },
    ways: {
      edge: way('tls', 'access-tls'),
      tls: way('tls', 'sip-tls'),
      tcp: way('tcp', 'sip-tcp'),
      udp: way('udp', 'sip-udp'),
      chat: way('tls', 'chat-https'),
    },
    wayTo: ({ ports }, listener) => ({
      ...way(listener.split('-')[1] as Way['transport'], listener),
      port: ports.listeners[listener] ?? 0,
    }),
    logOf: (text) =>
      every.flatMap((pod) =>
        pod
          .output()
          .split('\n')
          .filter((line) => line.includes(text))
          .map((line) => `${pod.name}: ${line}`),
      ),
    publish: (changed) => lab.publisher.publish(changed),
    async loseStore() {
      await lab.stopNats();
      await rm(join(lab.dir, 'nats', 'jetstream'), { recursive: true, force: true });
    },
    async newStore() {
      await lab.startNats();
      // The publisher's own connection may still be on its way back.
      while (!(await lab.publisher.publish(documents).catch(() => false)));
      view.reset();
    },
    async close() {
      await Promise.all([...running.values()].map((pod) => pod.stop()));
      for (const balancer of Object.values(balancers)) balancer.close();
      await lab.close();
    },
  };
  try {
    for (const role of started) await add(role);
  } catch (error) {
    await pool.close();
    throw error;
  }
  return pool;
}

async function createChatDatabases(lab: Lab): Promise<void> {
  const log = createLog({ name: 'lab', role: 'lab', level: 'silent' });
  const databases = await createPostgres({ ...databaseOf(lab), connections: 1 }, 'lab', log);
  for (const name of CHAT_DATABASES) await databases.query(`CREATE DATABASE ${name}`);
  await databases.end();
}
