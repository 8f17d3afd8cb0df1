// Hands the stored configuration to NATS. The buckets are compared with PostgreSQL each time, so nothing has to be
// remembered between commit and push: what a crash or a lost store left undone is found at the next comparison. The active pod
// does this; a standby waits to be told, and would find the same to do when it becomes the active one.
import type { Database, Health, Logger, NatsLink } from '@linchpin/host';
import { CONFIG_BUCKET, DIRECTORY_BUCKET, REPLICA_BUCKET } from '@linchpin/proto/subjects';
import { allKinds, bucketOf } from '@linchpin/topology';
import { type JetStreamClient, jetstream } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import type { PoolClient } from 'pg';
import type { Telemetry } from '../telemetry.ts';
import { bringUpToDate, type Source } from './bucket.ts';
import { createFencedBucket, type FencedBucket } from './fenced-bucket.ts';
import * as store from './store.ts';

const COMPARE_MS = 5_000;
/** After one that failed: somebody else wrote, a store was lost while it was written to. */
const AGAIN_MS = 1_000;
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
  /** Of the pods on this database, the one that hands over. */
  isActive(): boolean;
  /** Tells the standbys. */
  onHandedOver(version: number): void;
  onVersion(version: number): void;
  telemetry: Telemetry;
  health: Health;
  log: Logger;
}

export interface Push {
  /** Compares now, at each connect, and from time to time. */
  start(): void;
  /** Compares now: this pod has become the active one, or a version was stored. */
  look(): void;
  /** The active pod has handed over this version. */
  handedOver(version: number): void;
  /** Resolves to true when this version has been handed over, here or elsewhere; to false when that takes too long or fails. */
  push(version: number): Promise<boolean>;
  stop(): Promise<void>;
}

export function createPush(parts: PushParts): Push {
  const { database, nats, telemetry, health, log } = parts;
  let running: Promise<boolean> | undefined;
  let next: Promise<boolean> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let lastWhy = '';
  let handed = 0;
  const waiters = new Set<(version: number) => void>();

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
    if (!stopped && next === undefined) timer = setTimeout(run, done ? COMPARE_MS : AGAIN_MS);
    return done;
  }

  async function compare(): Promise<void> {
    if (!parts.isActive()) return follow();
    if (!nats.connected) throw new Error('NATS is away');
    const end = telemetry.pushSeconds.startTimer();
    const buckets = await openBuckets(await clientOf(nats), parts.bucketReplicas);
    const written = await database.use((client) =>
      store.atOneMoment(client, () => writeBuckets(client, buckets)),
    );
    if (written !== undefined) end();
  }

  /** A standby knows what is stored. */
  async function follow(): Promise<void> {
    const head = await database.use(store.selectHead);
    if (head !== undefined) parts.onVersion(head.version);
  }

  async function writeBuckets(client: PoolClient, buckets: FencedBucket[]): Promise<number | undefined> {
    const head = await store.selectHead(client);
    if (head === undefined) return undefined;
    // One after the other: a PostgreSQL connection answers one query at a time.
    const written: (number | undefined)[] = [];
    for (const [at, bucket] of buckets.entries())
      written.push(await bringUpToDate(bucket, sourceFor(client, head, BUCKETS[at] as string)));
    parts.onVersion(head.version);
    handedOver(head.version);
    parts.onHandedOver(head.version);
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

  function handedOver(version: number): void {
    handed = version;
    for (const waiter of [...waiters]) waiter(version);
  }

  /** By whichever pod. */
  const untilHandedOver = (version: number): Promise<true> =>
    new Promise((resolve) => {
      const look = (now: number): void => {
        if (now < version) return;
        waiters.delete(look);
        resolve(true);
      };
      waiters.add(look);
      look(handed);
    });

  async function push(version: number): Promise<boolean> {
    if (parts.isActive()) return Promise.race([run(), tooLong()]);
    return Promise.race([untilHandedOver(version), tooLong()]);
  }

  const tooLong = () => new Promise<false>((resolve) => setTimeout(resolve, PATIENCE_MS, false).unref());

  return {
    start() {
      nats.onConnected(run);
      database.onAvailable(run);
      void run();
    },
    look: () => void run(),
    handedOver,
    push,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

const clientOf = async (nats: NatsLink): Promise<JetStreamClient> =>
  jetstream(await nats.connection(), { timeout: REQUEST_MS });

async function openBuckets(js: JetStreamClient, replicas: number): Promise<FencedBucket[]> {
  const kvm = new Kvm(js);
  await kvm.create(REPLICA_BUCKET, { replicas, ttl: REPORT_LIFETIME_MS });
  return Promise.all(
    BUCKETS.map(async (bucket) => {
      await kvm.create(bucket, { replicas });
      // Opened like this it is read where it is written: a copy on another server may be behind, and look as if a part were missing.
      return createFencedBucket(js, await kvm.open(bucket), bucket);
    }),
  );
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
