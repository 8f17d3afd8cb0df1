// What is said in rooms.
import { type Buckets, createBuckets, type Logger } from '@linchpin/host';
import type { PersistentChatConfigurationSpec } from '@linchpin/topology';
import type { PoolClient } from 'pg';
import type { Access, Standing } from '../access/access.ts';
import { type Caller, type Chat, ChatError, type Page, type Post, type Posting } from '../chat.ts';
import type { Database } from '../database/database.ts';
import type { Journal, LockedRoom } from '../journal/journal.ts';
import { createLanes } from '../lanes.ts';
import { checkPage } from '../page.ts';
import { demand, Renamed } from '../rights.ts';
import type { TakeRooms } from '../room-rate.ts';
import { createSettler } from '../settle.ts';
import { createTurns } from '../turns.ts';
import { checkPosting, checkReaction, checkText, requireNumber } from './body.ts';
import { byOf } from './by.ts';
import { createChanges } from './changes.ts';
import { checkHistoryQuery, readHistory, readNewest } from './history.ts';
import { mentioned, namesIn } from './mentions.ts';
import { createNotes } from './notes.ts';
import { createOrder } from './order.ts';
import { type PendingPost, storePosts } from './post-batch.ts';
import { checkPurgeFilter, type PurgeParts, purge } from './purge.ts';
import { countUnread, markRead, onlyReadable, readUnread } from './read-marks.ts';
import { createRetention } from './retention.ts';
import { checkSearchQuery, SEARCHES_AT_ONCE, search, searchesWaiting } from './search.ts';
import { withoutCompliance } from './without-compliance.ts';

export type Messages = Pick<
  Chat,
  | 'post'
  | 'edit'
  | 'deletePost'
  | 'react'
  | 'history'
  | 'search'
  | 'markRead'
  | 'unread'
  | 'purge'
  | 'noteFile'
> & {
  /** How many posts of others a user has not read in each of these rooms; up to 1000. */
  countUnread(user: string, rooms: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** What whoever joins rooms is given, inside a transaction: the newest posts up to a number, oldest first. */
  newest(client: PoolClient, rooms: readonly { id: string; upTo: number }[]): Promise<Map<string, Post[]>>;
  /** In the order of the question. */
  unreadOf(client: PoolClient, members: readonly { room: string; member: string }[]): Promise<number[]>;
  /** Of a room that is about to be deleted. */
  purgeAll(room: string, by: string, why: string): Promise<number>;
  start(): void;
  /** Resolves when what was under way is stored. */
  stop(): Promise<void>;
};

export interface MessagesParts {
  database: Database;
  journal: Journal;
  access: Access;
  /** As whom a user is found in access lists; throws ChatError for who may not use Persistent Chat. */
  principalsOf(user: string): readonly string[];
  /** What holds now. */
  limits(): PersistentChatConfigurationSpec;
  /** Throws `limit` for who has rooms searched too fast. */
  takeRooms: TakeRooms;
  /** The SIP domain of users who are mentioned by name alone, where the author has none. */
  domain: string;
  /** Whether compliance can be relied on at this moment: asked where a category requires it. */
  isComplianceThere(): boolean;
  /** What legal holds keep from being purged; see PurgeParts. */
  withHolds?: PurgeParts['withHolds'];
  /** Rejects where one of the files is not one of this room. */
  checkFiles?(caller: Caller, room: string, files: readonly string[]): Promise<void>;
  /** A batch was stored. */
  onBatch?(posts: number, seconds: number): void;
  log: Logger;
}

const LANES = 3;
const POSTS_AT_ONCE = 400;
/** Seconds of posts that may come at once after a pause. */
const BURST_SECONDS = 2;

export function createMessages(parts: MessagesParts): Messages {
  const { database, access, limits, log } = parts;
  const changes = createChanges(parts);
  const notes = createNotes(parts);
  const retention = createRetention(parts);
  const inOrder = createOrder();
  const rates = createRates(() => limits().postsPerSecondPerUser);
  const inTurn = createTurns(SEARCHES_AT_ONCE, searchesWaiting);

  async function storeBatch(items: readonly PendingPost[], lockMs: number): Promise<void> {
    const began = performance.now();
    await storePosts(parts, items, lockMs);
    parts.onBatch?.(items.length, (performance.now() - began) / 1000);
  }
  const lanes = createLanes<PendingPost>({
    lanes: LANES,
    atOnce: POSTS_AT_ONCE,
    run: createSettler({ store: storeBatch, log }),
  });

  /** What is decided here is confirmed when the room is locked, so what is remembered is good enough to begin with. */
  async function standingToPost(caller: Caller, room: string, anew: boolean): Promise<Standing> {
    const known = anew ? undefined : access.remembered(caller, room);
    const standing = known?.mayPost ? known : await access.standing(caller, room);
    demand(caller, standing, 'mayPost');
    return standing;
  }

  async function standingToRead(caller: Caller, room: string): Promise<Standing> {
    const standing = await access.standing(caller, room);
    demand(caller, standing, 'mayRead');
    return standing;
  }

  async function mentionsIn(caller: Caller, room: string, text: string): Promise<string[]> {
    const names = namesIn(text, caller.name.split('@')[1] ?? parts.domain);
    return names.length === 0 ? [] : mentioned(access, room, names);
  }

  function requireRate(caller: Caller): void {
    if (!caller.admin && !rates.take(caller.name))
      throw new ChatError('limit', `more than ${limits().postsPerSecondPerUser} posts a second`, 1);
  }

  async function prepare(
    caller: Caller,
    key: string,
    posting: Posting,
    anew: boolean,
  ): Promise<Omit<PendingPost, 'resolve' | 'reject'>> {
    const standing = await standingToPost(caller, key, anew);
    const room = standing.room.id;
    if (posting.files?.length) await parts.checkFiles?.(caller, room, posting.files);
    const mentions = await mentionsIn(caller, room, posting.body);
    return { room, author: byOf(caller), clientId: posting.clientId, caller, standing, posting, mentions };
  }

  async function store(caller: Caller, key: string, posting: Posting, anew = false): Promise<Post> {
    // What one person posts is stored in the order of the calls, however long each one takes to be looked into.
    const ready = await inOrder(`${byOf(caller)} ${key}`, () => prepare(caller, key, posting, anew));
    return new Promise((resolve, reject) => lanes.push({ ...ready, resolve, reject }));
  }

  return {
    async post(caller, key, given) {
      const posting = checkPosting(given, limits());
      requireRate(caller);
      try {
        return await store(caller, key, posting);
      } catch (error) {
        if (!(error instanceof Renamed)) throw error;
        // Whichever room is called so now, if any.
        return store(caller, key, posting, true);
      }
    },

    async edit(caller, room, seq, given) {
      requireNumber('seq', seq);
      const text = checkText(given, limits());
      requireRate(caller);
      return changes.edit(caller, room, seq, text, await mentionsIn(caller, room, text.body));
    },

    async deletePost(caller, room, seq) {
      requireNumber('seq', seq);
      requireRate(caller);
      await changes.remove(caller, room, seq);
    },

    async react(caller, room, seq, reaction, set) {
      requireNumber('seq', seq);
      checkReaction(reaction);
      requireRate(caller);
      await changes.react(caller, room, seq, reaction, set);
    },

    async history(caller, key, query) {
      checkHistoryQuery(query);
      const { room } = await standingToRead(caller, key);
      if (!room.chatHistory && !caller.admin) return [];
      const posts = await database.use((client) => readHistory(client, room.id, query));
      const [from, to] = [posts[0]?.seq, posts.at(-1)?.seq];
      if (from !== undefined && to !== undefined)
        await notes.note(room.id, { kind: 'history-read', by: byOf(caller), from, to });
      return posts;
    },

    async search(caller, query) {
      checkSearchQuery(query);
      parts.takeRooms(caller, Math.max(1, query.rooms?.length ?? 0));
      const posts = await search({ ...parts, inTurn }, caller, query, limits().maxSearchResults);
      await noteSearch(caller, query, posts);
      return posts;
    },

    async markRead(caller, key, seq) {
      requireNumber('seq', seq);
      const { room } = await standingToRead(caller, key);
      await database.use((client) => markRead(client, byOf(caller), room.id, seq, limits().maxRoomsPerUser));
    },

    async unread(caller, page = {}) {
      if (caller.admin) return [];
      checkPage(page, 'id');
      const principals = parts.principalsOf(caller.name);
      const next = (of: Page) => database.use((client) => readUnread(client, caller.name, principals, of));
      for (let { after } = page; ; ) {
        const rooms = await next({ ...page, ...(after !== undefined && { after }) });
        const readable = await onlyReadable(access, caller, rooms);
        // A page is empty only where there is nothing behind it.
        if (readable.length > 0 || rooms.length === 0) return readable;
        after = rooms.at(-1)?.room;
      }
    },

    async purge(caller, key, filter) {
      if (!caller.admin) throw new ChatError('forbidden', 'only administrators purge posts');
      checkPurgeFilter(filter);
      const standing = await access.standing(caller, key);
      let isMeant = false;
      // Once: that it is renamed later is nothing to stop for.
      const confirm = async (client: PoolClient, locked: LockedRoom): Promise<void> => {
        if (!isMeant) await access.confirm(client, caller, standing, locked);
        isMeant = true;
      };
      return purge({ ...parts, confirm }, standing.room.id, byOf(caller), filter);
    },

    async noteFile(caller, key, kind, file) {
      const standing = await access.standing(caller, key);
      demand(caller, standing, kind === 'upload' ? 'mayUpload' : 'mayRead');
      if (kind === 'upload' && standing.room.complianceRequired && !parts.isComplianceThere())
        throw withoutCompliance();
      await notes.note(standing.room.id, { kind, by: byOf(caller), file });
    },

    async countUnread(user, rooms) {
      const members = rooms.map((room) => ({ room, member: user }));
      const counts = await database.use((client) => countUnread(client, members));
      return new Map(rooms.map((room, at) => [room, counts[at] ?? 0]));
    },
    purgeAll: (room, by, why) => purge(parts, room, by, { why }),
    newest: (client, rooms) => readNewest(client, rooms, limits().defaultChatHistory),
    unreadOf: countUnread,

    start: retention.start,
    async stop() {
      await retention.stop();
      await lanes.idle();
      await notes.idle();
    },
  };

  /** In each room of which something was given out; where nothing was found, in those that were named. */
  async function noteSearch(
    caller: Caller,
    query: Parameters<Chat['search']>[1],
    posts: Awaited<ReturnType<Chat['search']>>,
  ): Promise<void> {
    // Not which rooms were named: it is told in each of them.
    const { rooms = [], ...asked } = query;
    const told = { kind: 'search', by: byOf(caller), query: JSON.stringify(asked) } as const;
    const found = Map.groupBy(posts, ({ room }) => room);
    await Promise.all(
      [...found].map(([room, of]) => {
        const numbers = of.map(({ seq }) => seq);
        return notes.note(room, { ...told, from: Math.min(...numbers), to: Math.max(...numbers) });
      }),
    );
    const named = await Promise.all(rooms.map((room) => access.standing(caller, room)));
    const empty = named.map(({ room }) => room.id).filter((room) => !found.has(room));
    await Promise.all([...new Set(empty)].map((room) => notes.note(room, told)));
  }
}

/** Buckets that are made anew when the limit changes. */
function createRates(perSecond: () => number): Pick<Buckets, 'take'> {
  let limit = 0;
  let buckets: Buckets;
  return {
    take(user) {
      if (perSecond() !== limit) {
        limit = perSecond();
        buckets = createBuckets({ perSecond: limit, burst: limit * BURST_SECONDS });
      }
      return buckets.take(user);
    },
  };
}
