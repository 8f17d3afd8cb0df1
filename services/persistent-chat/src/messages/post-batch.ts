// A batch of posts, of many rooms and people, in one transaction.
import type { PostEvent } from '@linchpin/proto/chat-events';
import type { PoolClient } from 'pg';
import type { Access, Standing } from '../access/access.ts';
import { type Caller, ChatError, type Post, type Posting } from '../chat.ts';
import type { Database } from '../database/database.ts';
import type { Journal, LockedRoom, NewEvent } from '../journal/journal.ts';
import { demand, Renamed } from '../rights.ts';
import type { Pending } from '../settle.ts';
import { together } from '../together.ts';
import { toPost } from './post-rows.ts';
import { insertPosts, type NewPost, type PostKey, readKnown, readThreads } from './post-store.ts';
import { withoutCompliance } from './without-compliance.ts';

export interface PendingPost extends Pending<Post> {
  readonly author: string;
  readonly clientId: string;
  caller: Caller;
  /** As it was decided before. */
  standing: Standing;
  posting: Posting;
  mentions: readonly string[];
}

export interface PostBatchParts {
  database: Pick<Database, 'transaction'>;
  journal: Pick<Journal, 'lockRooms' | 'appendAll' | 'committed'>;
  access: Pick<Access, 'confirm'>;
  /** Whether compliance can be relied on at this moment. */
  isComplianceThere(): boolean;
}

type Outcome = Post | ChatError;

/** Settles all of them; rejects without having settled any when nothing could be stored. */
export async function storePosts(
  parts: PostBatchParts,
  items: readonly PendingPost[],
  lockMs: number,
): Promise<void> {
  const { database, journal } = parts;
  const stored = await database.transaction((client) => storeIn(client, parts, items, lockMs));
  journal.committed(stored.events);
  for (const item of items) {
    const outcome = stored.outcomes.get(item) as Outcome;
    if (outcome instanceof ChatError) item.reject(outcome);
    else item.resolve(outcome);
  }
}

interface Stored {
  events: Awaited<ReturnType<Journal['appendAll']>>;
  outcomes: Map<PendingPost, Outcome>;
}

async function storeIn(
  client: PoolClient,
  parts: PostBatchParts,
  items: readonly PendingPost[],
  lockMs: number,
): Promise<Stored> {
  const outcomes = new Map<PendingPost, Outcome>();
  // Sent together, run one after the other: what is known is asked for when the rooms are locked.
  const [rooms, known] = await together([
    parts.journal.lockRooms(client, [...new Set(items.map(({ room }) => room))], lockMs),
    readKnown(client, items),
  ]);
  const allowed = await confirmed(client, parts, rooms, items, outcomes);
  const fresh = withoutKnown(allowed, known, outcomes);
  const threads = await threadsOf(client, fresh, outcomes);
  const news = fresh.filter((item) => !outcomes.has(item));
  const firsts = firstOfEach(news);
  const byRoom = Map.groupBy(firsts.values(), ({ room }) => room);
  const entries = [...byRoom].map(
    ([room, posts]) =>
      [rooms.get(room) as LockedRoom, posts.map((item) => eventOf(item, threads.get(item)))] as const,
  );
  const rows = [...byRoom].flatMap(([room, posts]) => rowsOf(rooms.get(room) as LockedRoom, posts, threads));
  const [events] = await together([
    parts.journal.appendAll(client, entries),
    rows.length > 0 ? insertPosts(client, rows) : undefined,
  ]);
  const posts = new Map(rows.map((row, at) => [keyOf(row), postOf(events[at] as PostEvent)]));
  for (const item of news) outcomes.set(item, posts.get(keyOf(item)) as Post);
  return { events, outcomes };
}

/** Those who may still post, now that nobody can change that before they have. */
async function confirmed(
  client: PoolClient,
  { access, isComplianceThere }: PostBatchParts,
  rooms: ReadonlyMap<string, LockedRoom>,
  items: readonly PendingPost[],
  outcomes: Map<PendingPost, Outcome>,
): Promise<PendingPost[]> {
  const verdicts = new Map<string, ChatError | undefined>();
  const verdict = async (item: PendingPost): Promise<ChatError | undefined> => {
    const locked = rooms.get(item.room);
    // Another one may be called so by now.
    if (locked === undefined && item.standing.named) return new Renamed(item.standing.room.name);
    if (locked === undefined) return new ChatError('not-found', 'the room is gone');
    if (locked.complianceRequired && !isComplianceThere()) return withoutCompliance();
    try {
      demand(item.caller, await access.confirm(client, item.caller, item.standing, locked), 'mayPost');
      return undefined;
    } catch (error) {
      if (error instanceof ChatError && error.code !== 'unavailable') return error;
      throw error;
    }
  };
  for (const item of items) {
    const { named, room } = item.standing;
    const who = `${item.room} ${item.author} ${named ? room.name : ''}`;
    if (!verdicts.has(who)) verdicts.set(who, await verdict(item));
    const refused = verdicts.get(who);
    if (refused !== undefined) outcomes.set(item, refused);
  }
  return items.filter((item) => !outcomes.has(item));
}

/** What came before, also in another batch or on another pod, is answered as it was then. */
function withoutKnown(
  items: readonly PendingPost[],
  rows: Awaited<ReturnType<typeof readKnown>>,
  outcomes: Map<PendingPost, Outcome>,
): PendingPost[] {
  const known = new Map(rows.map((row) => [keyOf(row), toPost(row)]));
  return items.filter((item) => {
    const post = known.get(keyOf(item));
    if (post !== undefined) outcomes.set(item, post);
    return post === undefined;
  });
}

/** An answer to an answer is in the thread of the first post. */
async function threadsOf(
  client: PoolClient,
  items: readonly PendingPost[],
  outcomes: Map<PendingPost, Outcome>,
): Promise<Map<PendingPost, number>> {
  const answers = items.filter(({ posting }) => posting.thread !== undefined);
  if (answers.length === 0) return new Map();
  const asked = answers.map(({ room, posting }) => ({ room, seq: posting.thread as number }));
  const found = new Map(
    (await readThreads(client, asked)).map(({ room, seq, thread }) => [`${room}/${seq}`, thread ?? seq]),
  );
  const threads = new Map<PendingPost, number>();
  for (const item of answers) {
    const thread = found.get(`${item.room}/${item.posting.thread}`);
    if (thread !== undefined) threads.set(item, thread);
    else outcomes.set(item, new ChatError('invalid', `thread: there is no post ${item.posting.thread} here`));
  }
  return threads;
}

/** The same post may be twice in one batch: a client that was too impatient. */
function firstOfEach(items: readonly PendingPost[]): Map<string, PendingPost> {
  const firsts = new Map<string, PendingPost>();
  for (const item of items) if (!firsts.has(keyOf(item))) firsts.set(keyOf(item), item);
  return firsts;
}

// An author's name and a client's id hold no line end.
const keyOf = ({ room, author, clientId }: PostKey): string => `${room}\n${author}\n${clientId}`;

function eventOf(item: PendingPost, thread: number | undefined): NewEvent {
  const { author, clientId, posting, mentions } = item;
  const { subject, body, files = [] } = posting;
  return {
    ...{ kind: 'post', by: author, clientId },
    ...(subject !== undefined && { subject }),
    body,
    ...(thread !== undefined && { thread }),
    mentions: [...mentions],
    files,
  };
}

function postOf({ kind: _, scope, clientId: __, ...post }: PostEvent): Post {
  return { room: scope, ...post, reactions: [] };
}

/** With the numbers that their events get: one after the other, after the last one. */
function rowsOf(
  { id: room, lastSeq, at }: LockedRoom,
  items: readonly PendingPost[],
  threads: ReadonlyMap<PendingPost, number>,
): NewPost[] {
  return items.map((item, index) => {
    const { author, clientId, mentions, posting } = item;
    const { subject, body, files = [] } = posting;
    const seq = lastSeq + index + 1;
    return { room, seq, at, author, clientId, subject, body, thread: threads.get(item), mentions, files };
  });
}
