// How far the compliance store is behind what happens: looked at every other second.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Health, NatsLink } from '@linchpin/host';
import { CHAT_EVENTS_STREAM } from '@linchpin/proto/chat-events';
import { jetstreamManager } from '@nats-io/jetstream';
import type { Database } from '../../database/database.ts';
import type { ComplianceFigures } from '../telemetry.ts';

const LOOK_MS = 2_000;
/** While nothing is known. */
const LOOK_AGAIN_MS = 250;
/** What was seen longer ago says nothing of now. */
const FRESH_MS = 10_000;
const LOOK_TIMEOUT_MS = 4_000;
const CHECK = 'compliance-queue';

export interface QueueWatchParts {
  nats: NatsLink;
  /** Undefined: no compliance store is configured. */
  database: Database | undefined;
  /** Seconds. */
  maxLag: number;
  /** See ComplianceParts. */
  unqueuedSeconds(enough: number): Promise<number>;
  /** Epoch milliseconds, by the clock of NATS. */
  now(): number;
  health: Health;
}

export interface QueueWatch {
  start(): void;
  figures(): ComplianceFigures;
  /** Seen not long ago, and not too far behind. */
  readonly good: boolean;
  stop(): void;
}

export function createQueueWatch(parts: QueueWatchParts): QueueWatch {
  const { nats, database, maxLag, now, health } = parts;
  const stopping = new AbortController();
  let seenAt = Number.NEGATIVE_INFINITY;
  let queued = 0;
  let lagSeconds = 0;
  let early = 0;

  const isFresh = (): boolean => performance.now() - seenAt < FRESH_MS;

  async function look(): Promise<void> {
    const manager = await jetstreamManager(await nats.connection(), {
      checkAPI: false,
      timeout: LOOK_TIMEOUT_MS,
    });
    const { state } = await manager.streams.info(CHAT_EVENTS_STREAM);
    // Without the store it is not known, and nothing is good then anyway.
    const waiting = await earlyEvents(database).catch(() => ({ count: early, oldestSeconds: 0 }));
    const queueLag = state.messages === 0 ? 0 : (now() - Date.parse(String(state.first_ts))) / 1000;
    queued = state.messages;
    early = waiting.count;
    lagSeconds = Math.max(0, queueLag, waiting.oldestSeconds, await parts.unqueuedSeconds(maxLag));
    seenAt = performance.now();
  }

  function tell(): void {
    // Without a store events wait for one, and nobody can be behind.
    if (database === undefined) return;
    if (!isFresh()) health.set(CHECK, false, 'how far compliance is behind cannot be told');
    else if (lagSeconds > maxLag)
      health.set(CHECK, false, `compliance is ${Math.round(lagSeconds)} s behind`);
    else health.set(CHECK, true);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      // NATS or the store is away: what was seen last grows old, and `tell` says so.
      if (nats.connected) await look().catch(() => {});
      if (stopping.signal.aborted) return;
      tell();
      await sleep(isFresh() ? LOOK_MS : LOOK_AGAIN_MS, undefined, { signal: stopping.signal }).catch(
        () => {},
      );
    }
  }

  return {
    start: () => void run(),
    figures: () => ({
      queued: isFresh() ? queued : undefined,
      lagSeconds: isFresh() ? lagSeconds : undefined,
      early,
    }),
    get good() {
      return nats.connected && isFresh() && lagSeconds <= maxLag;
    },
    // A look that is under way is not waited for: it changes nothing, and NATS may not answer.
    stop: () => stopping.abort(),
  };
}

/** Those that wait for the one before them. */
async function earlyEvents(
  database: Database | undefined,
): Promise<{ count: number; oldestSeconds: number }> {
  if (database === undefined) return { count: 0, oldestSeconds: 0 };
  return database.use(async (client) => {
    const { rows } = await client.query(
      `SELECT count(*)::int AS count, coalesce(extract(epoch FROM now() - min(stored_at)), 0)::float8 AS seconds
       FROM early_events`,
    );
    return { count: rows[0].count, oldestSeconds: rows[0].seconds };
  });
}
