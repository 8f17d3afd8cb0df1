// Compliance on real PostgreSQL and NATS, without the rest of the role.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHealth, createPostgres, type Health, migrate } from '@linchpin/host';
import { CHAT_EVENTS_STREAM, type ChatEvent, chatEventSubject } from '@linchpin/proto/chat-events';
import { createLab, type Lab } from '@linchpin/testkit';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { RequestError } from '@nats-io/transport-node';
import pg from 'pg';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { type Compliance, createCompliance } from '../../src/compliance/compliance.ts';
import type { AdapterConfig } from '../../src/compliance/config.ts';
import { complianceMigrations } from '../../src/compliance/migrations.ts';
import type { ScopePolicy } from '../../src/compliance/retention.ts';
import { createDatabase, type Database } from '../../src/database/database.ts';
import { COMPLIANCE_CONSUMER, ensureQueue } from '../../src/queue.ts';
import { type AnyCall, administrator } from '../../src/rpc/caller.ts';

const LIMITS = { replicas: 1, maxBytes: 64 * 1024 * 1024 } as const;

export interface Pod {
  compliance: Compliance;
  database: Database;
  health: Health;
  /** What `linchpin_chat_compliance_events_total` says of a result. */
  counted(result: string): Promise<number>;
  stop(): Promise<void>;
}

export interface PodOptions {
  adapters?: AdapterConfig[];
  maxLagSeconds?: number;
  policies?: ReadonlyMap<string, ScopePolicy> | (() => Promise<ReadonlyMap<string, ScopePolicy>>);
  intervalMinutes?: number;
  fourEyes?: boolean;
  /** How long the oldest event waits that is not in the queue yet. */
  unqueuedSeconds?: () => Promise<number>;
  /** Without taking anything from the queue. */
  idle?: boolean;
}

export interface ComplianceRig {
  readonly lab: Lab;
  /** Everything that was logged. */
  log(): string;
  pod(options?: PodOptions): Promise<Pod>;
  publish(scope: string, ...events: ChatEvent[]): Promise<void>;
  publishBytes(subject: string, bytes: Uint8Array): Promise<void>;
  /** How many messages are in the queue. */
  queued(): Promise<number>;
  /** How many of them pods have taken and not acknowledged, and how many pulls wait for some. */
  consumer(): Promise<{ taken: number; asking: number }>;
  // biome-ignore lint/suspicious/noExplicitAny: rows are what the query says.
  sql(text: string, values?: unknown[]): Promise<any[]>;
  /** The stream is gone, with all that is in it. */
  loseQueue(): Promise<void>;
  /** Resolves when NATS answers. */
  connected(): Promise<void>;
  /** Resolves when somebody waits for a lock in the database. */
  lockAwaited(): Promise<void>;
  /** Resolves when so many events are in the chains of these scopes. */
  stored(count: number): Promise<void>;
  /** No pods, an empty database, an empty queue. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export async function createComplianceRig(): Promise<ComplianceRig> {
  const lab = await createLab({ postgres: true });
  const link = await lab.natsLink('admin');
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  let database = '';
  let pods: Pod[] = [];
  let isMade = false;

  const { port, passwordFile } = lab.postgres;
  const server = { host: '127.0.0.1', port, user: 'linchpin', passwordFile, connections: 10 };

  async function withClient<T>(name: string, run: (client: pg.Client) => Promise<T>): Promise<T> {
    const password = await readFile(passwordFile, 'utf8');
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'linchpin', password, database: name });
    await client.connect();
    try {
      return await run(client);
    } finally {
      await client.end();
    }
  }

  async function pod(options: PodOptions = {}): Promise<Pod> {
    const pool = await createPostgres({ ...server, database }, 'persistent-chat', log);
    const nats = await lab.natsLink('persistent-chat');
    const health = createHealth();
    const metrics = new Registry();
    const store = createDatabase({
      pool,
      check: 'compliance-store',
      prepare: async (client) => void (await migrate(client, complianceMigrations)),
      onUnusable: (error) => {
        throw error;
      },
      health,
      log,
    });
    const compliance = createCompliance({
      nats,
      database: store,
      config: {
        adapters: options.adapters ?? [],
        maxLagSeconds: options.maxLagSeconds ?? 60,
        fourEyes: options.fourEyes ?? false,
      },
      queue: LIMITS,
      interval: () => options.intervalMinutes ?? 15,
      policies: async () =>
        typeof options.policies === 'function' ? options.policies() : (options.policies ?? new Map()),
      unqueuedSeconds: options.unqueuedSeconds ?? (async () => 0),
      now: Date.now,
      administrator: (call) => administrator(call as AnyCall),
      metrics,
      health,
      log,
    });
    await store.start();
    if (!options.idle) compliance.start();
    health.enter('running');
    const started: Pod = {
      compliance,
      database: store,
      health,
      async counted(result) {
        const metric = await metrics.getSingleMetric('linchpin_chat_compliance_events_total')?.get();
        return metric?.values.find(({ labels }) => labels.result === result)?.value ?? 0;
      },
      async stop() {
        pods = pods.filter((other) => other !== started);
        await compliance.stop();
        await store.stop();
        await pool.end();
        await nats.close();
      },
    };
    pods.push(started);
    return started;
  }

  const sql: ComplianceRig['sql'] = async (text, values) =>
    (await withClient(database, (client) => client.query(text, values))).rows;

  async function publishBytes(subject: string, bytes: Uint8Array): Promise<void> {
    const connection = await link.connection();
    if (!isMade) await ensureQueue(await jetstreamManager(connection), LIMITS);
    isMade = true;
    const stream = jetstream(connection);
    // A pod that is just making the queue makes it known before the queue listens.
    const notYet = (error: Error): false => {
      if (error.cause instanceof RequestError && error.cause.isNoResponders()) return false;
      throw error;
    };
    await until(() => stream.publish(subject, bytes).then(() => true, notYet));
  }

  async function loseQueue(): Promise<void> {
    const manager = await jetstreamManager(await link.connection());
    await manager.streams.delete(CHAT_EVENTS_STREAM).catch(() => {});
    isMade = false;
  }

  async function reset(): Promise<void> {
    await Promise.all([...pods].map((running) => running.stop()));
    await loseQueue();
    lines.length = 0;
    database = `mgccomp_${randomUUID().slice(0, 8)}`;
    await withClient('postgres', (client) => client.query(`CREATE DATABASE ${database}`));
  }

  return {
    lab,
    log: () => lines.join(''),
    pod,
    publish: (scope, ...events) => publishBytes(chatEventSubject(scope), Buffer.from(JSON.stringify(events))),
    publishBytes,
    async queued() {
      const manager = await jetstreamManager(await link.connection());
      return (await manager.streams.info(CHAT_EVENTS_STREAM)).state.messages;
    },
    async consumer() {
      const manager = await jetstreamManager(await link.connection());
      const info = await manager.consumers.info(CHAT_EVENTS_STREAM, COMPLIANCE_CONSUMER);
      return { taken: info.num_ack_pending, asking: info.num_waiting };
    },
    sql,
    loseQueue,
    connected: () => until(() => link.connected),
    lockAwaited: () => until(async () => (await sql(AWAITED)).length > 0),
    stored: (count) =>
      until(async () => Number((await sql('SELECT count(*) FROM events'))[0].count) >= count),
    reset,
    async close() {
      await Promise.all([...pods].map((running) => running.stop()));
      await lab.close();
    },
  };
}

const AWAITED =
  "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/** Asks again until it holds; the test's own time limit is the only one. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await sleep(25);
}

export const temporary = (lab: Lab, name: string): string =>
  join(lab.dir, `${name}-${randomUUID().slice(0, 8)}`);

export const newScope = (): string => randomUUID();

const START = Date.parse('2026-01-31T12:00:00.000Z');

/** A post; one second after the one before it. */
export function post(scope: string, seq: number, more: Partial<Record<string, unknown>> = {}): ChatEvent {
  return {
    scope,
    seq,
    at: new Date(START + seq * 1000).toISOString(),
    kind: 'post',
    by: 'alice@contoso.lab',
    clientId: `c${seq}`,
    body: `message ${seq}`,
    mentions: [],
    files: [],
    ...more,
  } as ChatEvent;
}

export const posts = (scope: string, from: number, to: number): ChatEvent[] =>
  Array.from({ length: to - from + 1 }, (_, index) => post(scope, from + index));
