// Posts by their numbers.
import type { PoolClient } from 'pg';
import type { HistoryQuery, Post } from '../chat.ts';
import { invalid } from './body.ts';
import { POST_WITH_REACTIONS, toPost } from './post-rows.ts';

export const DEFAULT_HISTORY = 50;
export const MAX_HISTORY = 500;

const NEWEST = `
  SELECT ${POST_WITH_REACTIONS} FROM posts p
  WHERE p.room = $1 AND p.seq > $2 AND p.seq < $3 ORDER BY p.seq DESC LIMIT $4`;
const OLDEST = NEWEST.replace('DESC', 'ASC');

const MAX_SEQ = Number.MAX_SAFE_INTEGER;

/** Oldest first: those after `after`, or else the newest before `before`. */
export async function readHistory(client: PoolClient, room: string, query: HistoryQuery): Promise<Post[]> {
  const { after, before = MAX_SEQ, limit = DEFAULT_HISTORY } = query;
  const name = after === undefined ? 'newest-posts' : 'oldest-posts';
  const text = after === undefined ? NEWEST : OLDEST;
  const values = [room, after ?? 0, before, Math.min(limit, MAX_HISTORY)];
  const posts: Post[] = (await client.query({ name, text, values })).rows.map(toPost);
  return after === undefined ? posts.reverse() : posts;
}

export function checkHistoryQuery({ before, after, limit }: HistoryQuery): void {
  for (const [field, value] of Object.entries({ before, after, limit }))
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 0))
      throw invalid(field, 'must be a number');
}

const NEWEST_OF_EACH = `
  SELECT h.* FROM unnest($1::uuid[], $2::bigint[]) AS r (id, upto) CROSS JOIN LATERAL (
    SELECT ${POST_WITH_REACTIONS} FROM posts p WHERE p.room = r.id AND p.seq <= r.upto ORDER BY p.seq DESC LIMIT $3
  ) AS h`;

/** The newest posts of several rooms, up to a number, oldest first; rooms without posts are not in the map. */
export async function readNewest(
  client: PoolClient,
  rooms: readonly { id: string; upTo: number }[],
  limit: number,
): Promise<Map<string, Post[]>> {
  if (limit === 0 || rooms.length === 0) return new Map();
  const values = [rooms.map(({ id }) => id), rooms.map(({ upTo }) => upTo), limit];
  const { rows } = await client.query({ name: 'newest-of-each', text: NEWEST_OF_EACH, values });
  const posts: Post[] = rows.map(toPost).sort((a: Post, b: Post) => a.seq - b.seq);
  return Map.groupBy(posts, ({ room }) => room);
}
