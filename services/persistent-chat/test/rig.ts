// The whole role on loopback, as one pod or several, with a PostgreSQL and a NATS of their own.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLog, type StartedRole, startRole } from '@linchpin/host';
import {
  createLab,
  globalDocuments,
  LAB_DOMAIN,
  type Lab,
  type LabDocument,
  topologyDocument,
  userDocuments,
} from '@linchpin/testkit';
import pg from 'pg';
import { vi } from 'vitest';
import { type PersistentChatConfig, persistentChatConfig } from '../src/config.ts';
import { createRole, type PersistentChat } from '../src/role.ts';

const MGC = 'mgc';
const MGCCOMP = 'mgccomp';

export interface Pod {
  readonly name: string;
  readonly started: StartedRole;
  readonly role: PersistentChat;
  /** Ends it as it stands, without a drain. */
  stop(): Promise<void>;
}

export interface RigOptions {
  /** How many, by default 1: persistent-chat-0 and so on. */
  pods?: number;
  /** Names before the @ of people who may use Persistent Chat, with the password `pw-<name>`; by default alice, bob and carol. */
  users?: readonly string[];
  /** People who may not. */
  strangers?: readonly string[];
  /** Name to members before the @. */
  groups?: Readonly<Record<string, readonly string[]>>;
  documents?: readonly LabDocument[];
  /** Of the document PersistentChatConfiguration. */
  limits?: Readonly<Record<string, unknown>>;
  /** Without a compliance store. */
  withoutCompliance?: boolean;
  /** Added to the configuration file of each pod. */
  config?: Readonly<Record<string, unknown>>;
}

export interface Rig {
  readonly lab: Lab;
  readonly pods: readonly Pod[];
  /** Starts one more and resolves when it is ready. */
  another(config?: Readonly<Record<string, unknown>>): Promise<Pod>;
  /** Publishes as CMS does, and waits until all pods run it. */
  publish(documents: readonly LabDocument[]): Promise<void>;
  /** In `mgc`, or in `mgccomp`. */
  sql(
    text: string,
    values?: unknown[],
    database?: typeof MGC | typeof MGCCOMP,
  ): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** `alice@contoso.lab` */
export const address = (name: string): string => `${name}@${LAB_DOMAIN}`;

export const groupDocument = (name: string, members: readonly string[]): LabDocument => ({
  kind: 'Group',
  name,
  spec: { members: members.map(address) },
});

export async function createRig(options: RigOptions = {}): Promise<Rig> {
  const lab = await createLab({ postgres: true });
  const pods: Pod[] = [];
  await query(lab, 'postgres', `CREATE DATABASE ${MGC}`);
  await query(lab, 'postgres', `CREATE DATABASE ${MGCCOMP}`);

  async function another(extra: Readonly<Record<string, unknown>> = {}): Promise<Pod> {
    const name = `persistent-chat-${pods.length}`;
    const config = await configOf(lab, name, options, extra);
    const level = (process.env.LOG as 'silent') ?? 'silent';
    const log = createLog({ role: 'persistent-chat', name, level });
    let role: Pod['role'] | undefined;
    const started = await startRole({
      role: 'persistent-chat',
      version: '0.0.0',
      config,
      async create(given, host) {
        role = await createRole(given, host);
        return role;
      },
      log,
    });
    let stopping: Promise<void> | undefined;
    const stop = () => (stopping ??= started.stop());
    const pod = { name, started, role: role as Pod['role'], stop };
    pods.push(pod);
    return pod;
  }

  async function publish(documents: readonly LabDocument[]): Promise<void> {
    // After a restart of NATS the publisher's own connection may still be on its way back.
    const version = await vi.waitFor(() => lab.publisher.publish(documents), { timeout: 15_000 });
    await Promise.all(pods.map((pod) => ready(pod, version)));
  }

  await lab.publisher.publish(documentsOf(options));
  for (let count = options.pods ?? 1; count > 0; count--) await another();
  await Promise.all(pods.map((pod) => ready(pod, 1)));

  return {
    lab,
    pods,
    async another(config) {
      const pod = await another(config);
      await ready(pod, 1);
      return pod;
    },
    publish,
    sql: (text, values, database = MGC) => query(lab, database, text, values),
    async close() {
      await Promise.all(pods.map((pod) => pod.stop()));
      await lab.close();
    },
  };
}

/** Runs this version of the configuration, has its neighbours, and can be asked. */
const ready = ({ started }: Pod, version: number): Promise<void> =>
  vi.waitFor(
    () => {
      const { role, host } = started;
      if (role.configVersion() < version || host.health.state !== 'ready')
        throw new Error(`version ${role.configVersion()}, ${host.health.state}`);
    },
    { timeout: 20_000, interval: 20 },
  );

async function configOf(
  lab: Lab,
  name: string,
  { withoutCompliance, config }: RigOptions,
  extra: Readonly<Record<string, unknown>>,
): Promise<PersistentChatConfig> {
  return persistentChatConfig.parse({
    name,
    role: 'persistent-chat',
    dataDir: join(lab.dir, name),
    domain: LAB_DOMAIN,
    rpc: { address: '127.0.0.1', port: 0 },
    http: { address: '127.0.0.1', port: 0 },
    tls: await lab.tls('persistent-chat', name),
    nats: { servers: [lab.natsUrl] },
    postgres: place(lab, MGC),
    ...(withoutCompliance ? {} : { compliance: { postgres: place(lab, MGCCOMP) } }),
    web: { address: '127.0.0.1', port: 0 },
    ...config,
    ...extra,
  });
}

const place = ({ postgres }: Lab, database: string) => ({
  host: '127.0.0.1',
  port: postgres.port,
  user: 'linchpin',
  database,
  passwordFile: postgres.passwordFile,
});

function documentsOf(options: RigOptions): LabDocument[] {
  const {
    users = ['alice', 'bob', 'carol'],
    strangers = [],
    groups = {},
    documents = [],
    limits = {},
  } = options;
  const person = (name: string, spec: Record<string, unknown> = {}) =>
    userDocuments({ name, password: `pw-${name}`, spec });
  return [
    ...globalDocuments,
    topologyDocument([
      { role: 'frontend', members: {} },
      { role: 'director', members: {} },
      { role: 'edge', members: {} },
      { role: 'persistent-chat', members: {} },
    ]),
    { kind: 'PersistentChatPolicy', name: 'global', spec: { enabled: false } },
    { kind: 'PersistentChatPolicy', name: 'chat', spec: { enabled: true } },
    { kind: 'PersistentChatConfiguration', name: 'global', spec: { ...limits } },
    ...users.flatMap((name) => person(name, { policies: { persistentChat: 'chat' } })),
    ...strangers.flatMap((name) => person(name)),
    ...Object.entries(groups).map(([name, members]) => groupDocument(name, members)),
    ...documents,
  ];
}

async function query(lab: Lab, database: string, text: string, values?: unknown[]) {
  const { passwordFile, ...rest } = place(lab, database);
  const client = new pg.Client({ ...rest, password: await readFile(passwordFile, 'utf8') });
  await client.connect();
  try {
    return (await client.query(text, values)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}
