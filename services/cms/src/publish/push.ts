// Hands the stored configuration to NATS. The buckets are compared with PostgreSQL each time, so nothing has to be
// remembered between commit and push: what a crash or a lost store left undone is found at the next comparison.
import type { Health, Logger, NatsLink } from '@linchpin/host';
import { CONFIG_BUCKET, DIRECTORY_BUCKET, REPLICA_BUCKET } from '@linchpin/proto/subjects';
import { allKinds, bucketOf } from '@linchpin/topology';
import { jetstream } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { PoolClient } from 'pg';
import type { Database } from '../database/database.ts';
import type { Telemetry } from '../telemetry.ts';
import { bringUpToDate, type Source } from './bucket.ts';
import * as store from './store.ts';

const COMPARE_MS = 5_000;
/** How long the caller of Publish waits for the push of what it has stored. */
const PATIENCE_MS = 2_000;
/** A request that NATS took along when it went away is answered by nobody: the next comparison waits for it no longer. */
const REQUEST_MS = 2_000;
const REPORT_LIFETIME_MS = 24 * 3600 * 1000;
const BUCKETS = [CONFIG_BUCKET, DIRECTORY_BUCKET];

export interface PushParts {
  database: Database;
  nats: NatsLink;
  bucketReplicas: number;
  onVersion(version: number): void;
  telemetry: Telemetry;
  health: Health;
  log: Logger;
}

export interface Push {
  /** Compares now, at each connect, and from time to time. */
  start(): void;
  /** Resolves to true when what is stored now has been handed over, to false when that takes too long or fails. */
  push(): Promise<boolean>;
  stop(): Promise<void>;
}

export function createPush(parts: PushParts): Push {
  const { database, nats, telemetry, health, log } = parts;
  let running: Promise<boolean> | undefined;
  let next: Promise<boolean> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let lastWhy = '';

  /** A run that begins after the call: one that is under way may have read the tables before. */
  function run(): Promise<boolean> {
    if (running === undefined) running = attempt();
    else next ??= running.then(() => (running = attempt()));
    return next ?? running;
  }

  async function attempt(): Promise<boolean> {
    next = undefined;
    clearTimeout(timer);
    const done = stopped ? false : await compare().then(succeeded, failed);
    running = next;
    if (!stopped && next === undefined) timer = setTimeout(run, COMPARE_MS);
    return done;
  }

  async function compare(): Promise<void> {
    if (!nats.connected) throw new Error('NATS is away');
    const end = telemetry.pushSeconds.startTimer();
    const buckets = await openBuckets(await bucketsOf(nats), parts.bucketReplicas);
    const written = await database.use((client) => store.alone(client, () => writeBuckets(client, buckets)));
    if (written !== undefined) end();
  }

  async function writeBuckets(client: PoolClient, buckets: KV[]): Promise<number | undefined> {
    const head = await store.selectHead(client);
    if (head === undefined) return undefined;
    // One after the other: a PostgreSQL connection answers one query at a time.
    const written: (number | undefined)[] = [];
    for (const [at, kv] of buckets.entries())
      written.push(await bringUpToDate(kv, sourceFor(client, head, BUCKETS[at] as string)));
    parts.onVersion(head.version);
    if (written.every((count) => count === undefined)) return undefined;
    log.info({ version: head.version, documents: written }, 'handed the configuration to NATS');
    return head.version;
  }

  function succeeded(): true {
    lastWhy = '';
    health.set('push', true);
    return true;
  }

  function failed(error: unknown): false {
    const why = `the configuration is not handed to NATS: ${(error as Error).message}`;
    if (!stopped && why !== lastWhy) log.warn({ why }, 'degraded');
    lastWhy = why;
    health.set('push', false, why);
    return false;
  }

  const tooLong = () => new Promise<false>((resolve) => setTimeout(resolve, PATIENCE_MS, false).unref());

  return {
    start() {
      nats.onConnected(run);
      database.onAvailable(run);
      void run();
    },
    push: () => Promise.race([run(), tooLong()]),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

const bucketsOf = async (nats: NatsLink): Promise<Kvm> =>
  new Kvm(jetstream(await nats.connection(), { timeout: REQUEST_MS }));

async function openBuckets(kvm: Kvm, replicas: number): Promise<KV[]> {
  await kvm.create(REPLICA_BUCKET, { replicas, ttl: REPORT_LIFETIME_MS });
  return Promise.all(BUCKETS.map((bucket) => kvm.create(bucket, { replicas })));
}

const sourceFor = (client: PoolClient, head: Source['head'], bucket: string): Source => ({
  head,
  isPast: (past) => store.hasVersion(client, past),
  changesSince: (version) =>
    store.selectPublished(
      client,
      allKinds.filter((kind) => bucketOf(kind) === bucket),
      version,
    ),
});
