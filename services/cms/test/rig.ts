// The whole role on loopback, with a PostgreSQL and a NATS of its own.
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startPostgres } from '@linchpin/backends';
import { createRpcClient, type Mtls, type NatsLink, type StartedRole, startRole } from '@linchpin/host';
import {
  type Change,
  Change_Action,
  CmsClient,
  type GetReply,
  type GetRequest,
  type ListReplicasReply,
  type PublishReply,
  type PublishRequest,
} from '@linchpin/proto/cms/v1/cms';
import { createLab, type Lab } from '@linchpin/testkit';
import { createReplica, type Replica } from '@linchpin/topology';
import pg from 'pg';
import { pino } from 'pino';
import { cmsConfig } from '../src/config.ts';
import { createRole } from '../src/role.ts';

export const topology = {
  sipDomains: ['contoso.lab'],
  sites: [{ name: 'main' }],
  pools: [
    {
      name: 'frontend',
      role: 'frontend',
      site: 'main',
      members: [{ name: 'frontend-0', address: '127.0.0.1:7040' }],
    },
    { name: 'director', role: 'director', site: 'main', members: [] },
    { name: 'cms', role: 'cms', site: 'main', members: [{ name: 'cms-0', address: '127.0.0.1:7010' }] },
  ],
};

export interface Options {
  password?: string;
  expected?: number;
}

const change =
  (action: Change['action']) =>
  (
    kind: string,
    name: string,
    spec: unknown = {},
    { password = '', expected = 0 }: Options = {},
  ): Change => ({
    action,
    document: { kind, name, version: 0, spec: JSON.stringify(spec) },
    password,
    expectedVersion: expected,
  });

export const create = change(Change_Action.CREATE);
export const apply = change(Change_Action.APPLY);
export const remove = change(Change_Action.DELETE);

export interface Caller {
  publish(...changes: Change[]): Promise<PublishReply>;
  dryRun(...changes: Change[]): Promise<PublishReply>;
  get(kind: string, name?: string, after?: string): Promise<GetReply>;
  listReplicas(): Promise<ListReplicasReply>;
  close(): void;
}

export function createCaller(cms: StartedRole, mtls: Mtls): Caller {
  const client = createRpcClient(CmsClient, `127.0.0.1:${cms.rpc.port}`, 'cms', mtls);
  const publish = promisify<PublishRequest, PublishReply>(client.publish.bind(client));
  const get = promisify<GetRequest, GetReply>(client.get.bind(client));
  return {
    publish: (...changes) => publish({ changes, dryRun: false }),
    dryRun: (...changes) => publish({ changes, dryRun: true }),
    get: (kind, name = '', after = '') => get({ kind, name, after }),
    listReplicas: () => promisify<object, ListReplicasReply>(client.listReplicas.bind(client))({}),
    close: () => client.close(),
  };
}

export interface Rig {
  readonly lab: Lab;
  readonly cms: StartedRole;
  readonly admin: Caller;
  /** All that run, in the order of their start. */
  readonly pods: readonly { cms: StartedRole; admin: Caller }[];
  /** Everything that the role has logged, also what the host would have hidden. */
  readonly log: () => string;
  /** Start, where it was stopped; resolves when the role is up. */
  start(): Promise<void>;
  /** A second pod on the same database. */
  another(): Promise<Caller>;
  stop(): Promise<void>;
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  stopPostgres(): Promise<void>;
  startPostgres(): Promise<void>;
  /** Ends NATS and throws its store away. */
  loseNats(): Promise<void>;
  replica(pod: string): Promise<Replica>;
  /** Back to the beginning: no CMS, no replicas, nothing in PostgreSQL and NATS. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export async function createRig(): Promise<Rig> {
  const lab = await createLab({ postgres: true });
  const { port, passwordFile } = lab.postgres;
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const adminTls = await lab.mtls('admin');
  // Made once here: two at the same time would write one file.
  await lab.tls('frontend');
  let replicas: { replica: Replica; link: NatsLink }[] = [];
  let postgres: { stop(): Promise<void> } = lab.postgres;
  let running: { cms: StartedRole; admin: Caller }[] = [];

  async function startCms(): Promise<{ cms: StartedRole; admin: Caller }> {
    const name = `cms-${running.length}`;
    const config = cmsConfig.parse({
      name,
      role: 'cms',
      dataDir: join(lab.dir, 'cms'),
      rpc: { address: '127.0.0.1', port: 0 },
      http: { address: '127.0.0.1', port: 0 },
      tls: await lab.tls('cms', name),
      nats: { servers: [lab.natsUrl] },
      postgres: { host: '127.0.0.1', port, user: 'linchpin', database: 'postgres', passwordFile },
    });
    const cms = await startRole({ role: 'cms', version: '0.0.0', config, create: createRole, log });
    return { cms, admin: createCaller(cms, adminTls) };
  }

  async function stop(): Promise<void> {
    for (const { cms, admin } of running) {
      admin.close();
      await cms.stop();
    }
    running = [];
  }

  async function sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'linchpin',
      database: 'postgres',
      password: await readPassword(passwordFile),
    });
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  async function loseNats(): Promise<void> {
    await lab.stopNats();
    await rm(join(lab.dir, 'nats'), { recursive: true, force: true });
  }

  async function endReplicas(): Promise<void> {
    for (const { replica, link } of replicas) {
      await replica.stop();
      await link.close();
    }
    replicas = [];
  }

  return {
    lab,
    get cms() {
      return (running[0] as (typeof running)[0]).cms;
    },
    get admin() {
      return (running[0] as (typeof running)[0]).admin;
    },
    get pods() {
      return running;
    },
    log: () => lines.join(''),
    start: async () => void running.push(await startCms()),
    async another() {
      const started = await startCms();
      running.push(started);
      return started.admin;
    },
    stop,
    sql,
    stopPostgres: () => postgres.stop(),
    async startPostgres() {
      const password = await readPassword(passwordFile);
      postgres = await startPostgres({ dir: join(lab.dir, 'postgres'), port, user: 'linchpin', password });
    },
    loseNats,
    async replica(pod) {
      const link = await lab.natsLink('frontend');
      const replica = createReplica({
        dir: join(lab.dir, 'replicas', pod),
        buckets: ['config', 'directory'],
        nats: link,
        pod,
        role: 'frontend',
        productVersion: '0.0.0',
        log,
      });
      replicas.push({ replica, link });
      await replica.load();
      replica.follow();
      return replica;
    },
    async reset() {
      await stop();
      await endReplicas();
      await rm(join(lab.dir, 'replicas'), { recursive: true, force: true });
      await sql('DROP SCHEMA public CASCADE');
      await sql('CREATE SCHEMA public');
      await loseNats();
      await lab.startNats();
    },
    async close() {
      await stop();
      await endReplicas();
      await postgres.stop();
      await lab.close();
    },
  };
}

const readPassword = (file: string): Promise<string> => readFile(file, 'utf8');
