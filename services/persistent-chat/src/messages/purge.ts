// Posts are taken away for good: by administrators, and where a category keeps them for some days only.
import type { PoolClient } from 'pg';
import { ChatError } from '../chat.ts';
import type { Database } from '../database/database.ts';
import type { Journal, LockedRoom } from '../journal/journal.ts';
import { type Holds, type WithHolds, withoutHolds } from '../legal-holds.ts';
import { LOCK_MS } from '../room-lock.ts';
import { invalid } from './body.ts';
import { requireTime } from './search.ts';

export interface PurgeFilter {
  before?: string;
  author?: string;
  seqs?: number[];
  why: string;
}

export interface PurgeParts {
  database: Pick<Database, 'transaction'>;
  journal: Pick<Journal, 'lockRooms' | 'append' | 'committed'>;
  /** What legal holds keep in a room is asked, and stays true, while posts are deleted. */
  withHolds?: WithHolds | undefined;
  /** Rejects where it is not the room that was meant, once its lock is held. */
  confirm?(client: PoolClient, locked: LockedRoom): Promise<unknown>;
}

/** In one transaction: the room is locked as long as it takes. */
const AT_ONCE = 2_000;
const MAX_WHY = 1_000;
const MAX_SEQS = 10_000;

// With its versions and reactions.
const DELETE = `
  DELETE FROM posts WHERE room = $1 AND seq IN (
    SELECT seq FROM posts
    WHERE room = $1 AND ($2::timestamptz IS NULL OR at < $2) AND ($3::text IS NULL OR author = $3)
      AND ($4::bigint[] IS NULL OR seq = ANY($4)) AND NOT lower(author) = ANY($5::text[])
    ORDER BY seq LIMIT $6
  ) RETURNING seq::float8 AS seq`;

/** Resolves with how many are gone; none that a legal hold keeps. `room`: its id. */
export async function purge(
  parts: PurgeParts,
  room: string,
  by: string,
  filter: PurgeFilter,
): Promise<number> {
  const { withHolds = withoutHolds } = parts;
  for (let gone = 0; ; ) {
    const posts = await withHolds((holds) => purgeSome(parts, holds, room, by, filter));
    gone += posts;
    if (posts < AT_ONCE) return gone;
  }
}

async function purgeSome(
  { database, journal, confirm }: PurgeParts,
  holds: Holds,
  room: string,
  by: string,
  filter: PurgeFilter,
): Promise<number> {
  const events = await database.transaction(async (client) => {
    const locked = (await journal.lockRooms(client, [room], LOCK_MS)).get(room);
    if (locked === undefined) throw new ChatError('not-found', 'the room is gone');
    await confirm?.(client, locked);
    const held = await holds.of(room, locked.category);
    if (locked.legalHold || held.all) return [];
    const posts = await deletePosts(client, room, { ...filter, held: held.subjects });
    if (posts.length === 0) return [];
    const purged = await journal.append(client, locked, [{ kind: 'purged', by, posts, why: filter.why }]);
    await holds.stand();
    return purged;
  });
  journal.committed(events);
  return events.reduce((sum, event) => sum + (event.kind === 'purged' ? event.posts.length : 0), 0);
}

async function deletePosts(
  client: PoolClient,
  room: string,
  { before, author, seqs, held }: PurgeFilter & { held: readonly string[] },
): Promise<number[]> {
  const values = [room, before ?? null, author ?? null, seqs ?? null, held, AT_ONCE];
  const { rows } = await client.query(DELETE, values);
  return rows.map(({ seq }) => seq as number).sort((a, b) => a - b);
}

export function checkPurgeFilter({ before, author, seqs, why }: PurgeFilter): void {
  if (typeof why !== 'string' || why.trim() === '')
    throw invalid('why', 'is empty: say why posts are purged');
  for (const [field, text] of Object.entries({ why, author }))
    if (text !== undefined && (text.length > MAX_WHY || !text.isWellFormed() || text.includes('\0')))
      throw invalid(field, `must be text of up to ${MAX_WHY} characters`);
  if (before !== undefined) requireTime('before', before);
  if (seqs !== undefined && seqs.length > MAX_SEQS) throw invalid('seqs', `more than ${MAX_SEQS}`);
  if (seqs?.some((seq) => !Number.isSafeInteger(seq) || seq < 1))
    throw invalid('seqs', 'must be numbers of posts');
}
