// Full-text search in what the caller may read.
import type { PoolClient } from 'pg';
import type { Access } from '../access/access.ts';
import { type Caller, ChatError, type Post, type SearchQuery } from '../chat.ts';
import type { Database } from '../database/database.ts';
import { demand } from '../rights.ts';
import type { InTurn } from '../turns.ts';
import { invalid } from './body.ts';
import { byOf } from './by.ts';
import { POST_WITH_REACTIONS, toPost } from './post-rows.ts';

export interface SearchParts {
  database: Pick<Database, 'transaction'>;
  access: Pick<Access, 'standing'>;
  /** A few at a time: each may keep a connection for as long as it may take, and posts need them too. */
  inTurn: InTurn;
  /** As whom a user is found in access lists. */
  principalsOf(user: string): readonly string[];
}

const MAX_TEXT = 1_000;
const MAX_ROOMS = 100;
const DEFAULT_RESULTS = 100;
/** Pages that are looked through when much of what was found may not be read. */
const MAX_PAGES = 10;
const SEARCH_SECONDS = 10;
const QUERY_CANCELED = '57014';

/** At one time on one pod; those beyond wait, and those beyond these are refused. */
export const SEARCHES_AT_ONCE = 2;
export const searchesWaiting = {
  waiting: 20,
  refusal: () => new ChatError('limit', 'too many searches at this moment: try again', SEARCH_SECONDS),
};

// To look whether a post holds words costs more than PostgreSQL assumes, to fetch one less where disks have no heads: with its
// defaults it goes through a tenth of a million posts in the order of their time for a word that the index has a hundred of.
const SETTINGS = `SELECT set_config('statement_timeout', '${SEARCH_SECONDS}s', true),
  set_config('random_page_cost', '1.1', true), set_config('cpu_operator_cost', '0.02', true)`;

/** What may hold results: more than the caller may read, but not much more. */
const CANDIDATES = `
  SELECT r.id FROM rooms r JOIN categories c ON c.id = r.category
  WHERE c.chat_history AND NOT r.disabled AND (
    r.id IN (SELECT room FROM room_access WHERE principal = ANY($1::text[]))
    OR r.privacy = 'open' AND r.category IN (
      SELECT category FROM category_access WHERE principal = ANY($1::text[]) AND role = 'allowed'))`;

/** Newest first. */
export async function search(
  parts: SearchParts,
  caller: Caller,
  query: SearchQuery,
  maxResults: number,
): Promise<Post[]> {
  const limit = Math.min(query.limit ?? DEFAULT_RESULTS, maxResults);
  const rooms = query.rooms && (await readable(parts.access, caller, query.rooms));
  if (rooms?.length === 0) return [];
  const found: Post[] = [];
  for (let page = 0; page < MAX_PAGES && found.length < limit; page++) {
    const posts = await parts.inTurn(() => selectInTime(parts, caller, { ...query, rooms, limit, page }));
    found.push(...(await readablePosts(parts.access, caller, posts)));
    if (posts.length < limit) break;
  }
  return found.slice(0, limit);
}

/** Rejects for rooms that the caller may not know of, and gives those that it may read. */
async function readable(
  access: SearchParts['access'],
  caller: Caller,
  rooms: readonly string[],
): Promise<string[]> {
  const standings = await Promise.all(rooms.map((room) => access.standing(caller, room)));
  for (const standing of standings) demand(caller, standing, 'mayRead');
  return standings.filter(({ room }) => room.chatHistory || caller.admin).map(({ room }) => room.id);
}

async function readablePosts(
  access: SearchParts['access'],
  caller: Caller,
  posts: readonly Post[],
): Promise<Post[]> {
  const rooms = [...new Set(posts.map(({ room }) => room))];
  const read = await Promise.all(rooms.map((room) => mayRead(access, caller, room)));
  const allowed = new Set(rooms.filter((_, at) => read[at]));
  return posts.filter(({ room }) => allowed.has(room));
}

async function mayRead(access: SearchParts['access'], caller: Caller, room: string): Promise<boolean> {
  try {
    const standing = await access.standing(caller, room);
    return standing.mayRead && (standing.room.chatHistory || caller.admin === true);
  } catch (error) {
    if (error instanceof ChatError && error.code === 'not-found') return false;
    throw error;
  }
}

interface PageQuery extends Omit<SearchQuery, 'rooms'> {
  rooms: readonly string[] | undefined;
  limit: number;
  page: number;
}

async function selectInTime(parts: SearchParts, caller: Caller, query: PageQuery): Promise<Post[]> {
  try {
    return await parts.database.transaction(async (client) => {
      await client.query(SETTINGS);
      const rooms = query.rooms ?? (await candidates(client, parts, caller));
      return rooms?.length === 0 ? [] : select(client, caller, { ...query, rooms });
    });
  } catch (error) {
    if ((error as { code?: string }).code !== QUERY_CANCELED) throw error;
    throw new ChatError(
      'limit',
      'this search takes too long: name rooms, a person or a time',
      SEARCH_SECONDS,
    );
  }
}

/** Undefined: all of them. Asked for by itself, so that PostgreSQL knows how much it is about when it makes its plan. */
async function candidates(
  client: PoolClient,
  { principalsOf }: SearchParts,
  caller: Caller,
): Promise<string[] | undefined> {
  if (caller.admin) return undefined;
  const { rows } = await client.query({
    name: 'search-rooms',
    text: CANDIDATES,
    values: [principalsOf(caller.name)],
  });
  return rows.map(({ id }) => id as string);
}

async function select(client: PoolClient, caller: Caller, query: PageQuery): Promise<Post[]> {
  const values: unknown[] = [];
  const value = (given: unknown): string => `$${values.push(given)}`;
  const conditions = ['p.deleted_at IS NULL'];
  if (query.text) conditions.push(`p.words @@ plainto_tsquery('simple', ${value(query.text)})`);
  if (query.rooms) conditions.push(`p.room = ANY(${value(query.rooms)}::uuid[])`);
  if (query.author) conditions.push(`p.author = ${value(query.author)}`);
  if (query.from) conditions.push(`p.at >= ${value(query.from)}`);
  if (query.to) conditions.push(`p.at <= ${value(query.to)}`);
  if (query.before) {
    const [at, room, seq] = [query.before.at, query.before.room, query.before.seq].map(value);
    conditions.push(
      `p.at <= ${at} AND (p.at < ${at} OR (p.room, -p.seq) > (${room}::uuid, -${seq}::bigint))`,
    );
  }
  if (query.mentionsMe) conditions.push(`p.mentions @> ARRAY[${value(byOf(caller))}]::text[]`);
  const text = `SELECT ${POST_WITH_REACTIONS} FROM posts p WHERE ${conditions.join(' AND ')}
    ORDER BY p.at DESC, p.room, p.seq DESC LIMIT ${value(query.limit)} OFFSET ${value(query.page * query.limit)}`;
  return (await client.query(text, values)).rows.map(toPost);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

export function checkSearchQuery(query: SearchQuery): void {
  const { text, author, from, to, before, limit, rooms = [] } = query;
  if (rooms.length > MAX_ROOMS) throw invalid('rooms', `more than ${MAX_ROOMS}`);
  for (const [field, given] of Object.entries({ text, author })) {
    if (given === undefined) continue;
    if (typeof given !== 'string' || given.length > MAX_TEXT)
      throw invalid(field, `longer than ${MAX_TEXT} characters`);
    if (!given.isWellFormed() || given.includes('\0')) throw invalid(field, 'is not valid Unicode');
  }
  for (const [field, given] of Object.entries({ from, to, before: before?.at }))
    if (given !== undefined) requireTime(field, given);
  if (before && !UUID.test(before.room)) throw invalid('before', 'must name a room by its id');
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1))
    throw invalid('limit', 'must be a number from 1');
}

/** Also of days that do not exist, and of the year 0, which PostgreSQL would refuse later. */
export function requireTime(field: string, text: string): void {
  if (!RFC3339.test(text) || Number.isNaN(Date.parse(text)) || !isDay(text.slice(0, 10)))
    throw invalid(field, 'must be a time such as 2026-01-31T12:00:00Z');
}

/** JavaScript takes the 30th of February for the 2nd of March. */
const isDay = (date: string): boolean =>
  !date.startsWith('0000') && new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);
