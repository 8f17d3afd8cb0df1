import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLog, type StartedRole, startRole } from '@linchpin/host';
import type { Address, TransportName } from '@linchpin/sip';
import {
  createLab,
  globalDocuments,
  LAB_DOMAIN,
  type Lab,
  topologyDocument,
  userDocuments,
} from '@linchpin/testkit';
import { vi } from 'vitest';
import { type FrontendConfig, frontendConfig } from '../src/config.ts';
import { createRole } from '../src/role.ts';
import type { Owners } from '../src/signaling/dispatch.ts';
import { createFakeFabric } from './fake-fabric.ts';
import { createPhone, type Phone, type PhoneOptions } from './phone.ts';

/** Several Front Ends in one process, by default with a table of the test's that says who serves whom. */
export interface Pool {
  readonly lab: Lab;
  readonly pods: ReadonlyMap<string, StartedRole>;
  /** User to the pod that serves it, as all pods believe unless `believes` says otherwise; nobody: empty. */
  move(user: string, pod: string): void;
  /** What one pod believes. */
  believes(pod: string, user: string, owner: string): void;
  phone(user: string, pod: string, options?: Partial<PhoneOptions>): Promise<Phone>;
  server(pod: string, transport?: TransportName): Address;
  /** Requests that the pod has counted. */
  requests(pod: string, method: string): Promise<number>;
  /** Ends the pod, and takes it from the topology. */
  lose(pod: string): Promise<void>;
  /** Edges by name and address. */
  setEdges(edges: Record<string, string>): Promise<void>;
  close(): Promise<void>;
}

export interface PoolOptions {
  pods: string[];
  /** User to pod; with `real` where each user is served is as it falls. */
  users: Record<string, string>;
  /** The real fabric decides who serves whom, and keeps what there is of them in NATS. */
  real?: boolean;
  config?: Record<string, unknown>;
}

const waiting = { timeout: 10_000, interval: 20 };

export async function startPool({ pods: names, users, real, config = {} }: PoolOptions): Promise<Pool> {
  const lab = await createLab();
  const key = join(lab.dir, 'pool.key');
  await writeFile(key, randomBytes(32));
  const { ca, ...sipTls } = await lab.sipTls(LAB_DOMAIN);
  const authority = await readFile(ca, 'utf8');
  const table = createTable(users);
  const pods = new Map<string, StartedRole>();
  const phones: Phone[] = [];
  let edges: Record<string, string> = {};

  async function start(name: string): Promise<void> {
    const parsed = frontendConfig.parse({
      name,
      role: 'frontend',
      dataDir: join(lab.dir, name),
      rpc: { address: '127.0.0.1', port: 0 },
      http: { address: '127.0.0.1', port: 0 },
      tls: await lab.tls('frontend', name),
      nats: { servers: [lab.natsUrl] },
      domain: LAB_DOMAIN,
      sipTls,
      signingKeyFile: key,
      listeners: { sipUdp: { port: 0 }, sipTcp: { port: 0 }, sipTls: { port: 0 } },
      ...config,
    }) as FrontendConfig;
    const log = createLog({ role: 'frontend', name, level: (process.env.LOG as 'silent') ?? 'silent' });
    const parts = real ? {} : { fabric: createFakeFabric(table.of(name)) };
    pods.set(
      name,
      await startRole({
        role: 'frontend',
        version: '0.0.0',
        config: parsed,
        create: (given, host) => createRole(given, host, parts),
        log,
      }),
    );
  }

  const topology = () =>
    topologyDocument([
      {
        role: 'frontend',
        members: Object.fromEntries([...pods].map(([name, { rpc }]) => [name, `127.0.0.1:${rpc.port}`])),
      },
      { role: 'director', members: {} },
      { role: 'edge', members: edges },
    ]);

  async function publish(documents: Parameters<Lab['publisher']['publish']>[0]): Promise<void> {
    const version = await lab.publisher.publish(documents);
    await vi.waitFor(() => {
      for (const { role, host } of pods.values())
        if (role.configVersion() < version || host.health.state !== 'ready') throw new Error('not there yet');
    }, waiting);
  }

  async function metric(pod: string, name: string, labels: Record<string, string>): Promise<number> {
    const found = await pods.get(pod)?.host.metrics.getSingleMetric(name)?.get();
    const matches = (given: object) =>
      Object.entries(labels).every(([label, value]) => given[label as never] === value);
    return found?.values.find((one) => matches(one.labels))?.value ?? 0;
  }

  function server(pod: string, transport: TransportName = 'udp'): Address {
    const endpoint = pods
      .get(pod)
      ?.role.endpoints()
      .find(({ protocol }) => protocol === transport);
    return { address: '127.0.0.1', port: endpoint?.port ?? 0 };
  }

  for (const name of names) await start(name);
  const people = Object.keys(users).flatMap((name) => userDocuments({ name, password: `pw-${name}` }));
  await publish([topology(), ...globalDocuments, ...people]);
  await vi.waitFor(async () => {
    for (const name of names)
      if ((await metric(name, 'linchpin_frontend_peers', {})) < names.length - 1)
        throw new Error('no streams yet');
  }, waiting);

  return {
    lab,
    pods,
    move: table.move,
    believes: table.believes,
    server,
    async phone(user, pod, options = {}) {
      const phone = await createPhone({
        user,
        server: server(pod, options.transport),
        ca: authority,
        ...options,
      });
      phones.push(phone);
      return phone;
    },
    requests: (pod, method) => metric(pod, 'linchpin_frontend_requests_total', { method }),
    async lose(pod) {
      const lost = pods.get(pod);
      pods.delete(pod);
      await lost?.stop();
      await publish([topology()]);
    },
    setEdges(now) {
      edges = now;
      return publish([topology()]);
    },
    async close() {
      await Promise.all(phones.map((phone) => phone.close()));
      await Promise.all([...pods.values()].map((pod) => pod.stop()));
      await lab.close();
    },
  };
}

function createTable(users: Record<string, string>) {
  const all = new Map(Object.entries(users).map(([user, pod]) => [aorOf(user), pod]));
  const own = new Map<string, string>();
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of [...listeners]) listener();
  };
  return {
    of(pod: string): Owners {
      const ownerOf = (aor: string) => (own.get(`${pod} ${aor}`) ?? all.get(aor)) || undefined;
      return {
        serves: (aor) => ownerOf(aor) === pod,
        ownerOf,
        loaded: true,
        onOwners(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      };
    },
    move(user: string, pod: string): void {
      all.set(aorOf(user), pod);
      changed();
    },
    believes(pod: string, user: string, owner: string): void {
      own.set(`${pod} ${aorOf(user)}`, owner);
      changed();
    },
  };
}

const aorOf = (user: string): string => `sip:${user}@${LAB_DOMAIN}`;
