// Categories may keep posts for some days only. Every pod looks now and then; whoever comes second finds nothing left.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@linchpin/host';
import type { Database } from '../database/database.ts';
import { isLocked } from '../room-lock.ts';
import { type PurgeParts, purge } from './purge.ts';

const LOOK_MS = 3_600_000;
const BY = 'admin:retention';

const EXPIRED = `
  SELECT r.id, now() - make_interval(days => c.retention_days) AS before, c.retention_days AS days
  FROM rooms r JOIN categories c ON c.id = r.category
  WHERE c.retention_days IS NOT NULL AND NOT r.legal_hold AND EXISTS (
    SELECT 1 FROM posts p WHERE p.room = r.id AND p.at < now() - make_interval(days => c.retention_days))`;

export interface Retention {
  /** Looks once; resolves with how many posts are gone. */
  look(): Promise<number>;
  start(): void;
  stop(): Promise<void>;
}

export function createRetention(
  parts: PurgeParts & { database: Pick<Database, 'use' | 'transaction'>; log: Logger },
): Retention {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function look(): Promise<number> {
    const { rows } = await parts.database.use((client) => client.query(EXPIRED));
    let gone = 0;
    for (const { id, before, days } of rows) {
      if (stopping.signal.aborted) break;
      const why = `kept for ${days} days`;
      gone += await purge(parts, id, BY, { before: before.toISOString(), why }).catch(later(id));
    }
    if (gone > 0) parts.log.info({ posts: gone }, 'posts were kept as long as their categories say');
    return gone;
  }

  /** A room that somebody keeps locked must not keep the others from being looked at. */
  const later = (room: string) => (err: unknown) => {
    if (!isLocked(err)) throw err;
    parts.log.warn({ err, room }, 'posts are kept until the next look');
    return 0;
  };

  async function run(): Promise<void> {
    const { signal } = stopping;
    while (!signal.aborted) {
      // Not all pods at once.
      await sleep(LOOK_MS * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
      if (!signal.aborted) await look().catch((err) => parts.log.warn({ err }, 'no posts could be purged'));
    }
  }

  return {
    look,
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
