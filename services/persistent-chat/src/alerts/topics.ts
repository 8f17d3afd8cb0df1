// The topics that people keep, and what was posted of them while nobody told them.
import type { PoolClient } from 'pg';
import type { Access } from '../access/access.ts';
import type { Notices } from '../access/notices.ts';
import type { Principals } from '../access/principals.ts';
import { type Caller, type Chat, ChatError, type Post, type SearchQuery, type Topic } from '../chat.ts';
import type { Database } from '../database/database.ts';
import { demand } from '../rights.ts';
import { authorField, roomsField, topicName, wordsField } from './spec.ts';
import * as store from './store.ts';

export type Topics = Pick<Chat, 'topics' | 'setTopic' | 'deleteTopic' | 'topicPosts'>;

export interface TopicsParts {
  database: Pick<Database, 'use' | 'transaction'>;
  access: Pick<Access, 'standing'>;
  principals: Pick<Principals, 'of'>;
  /** In the transaction that changes something. */
  tell: Notices['tell'];
  limits(): { maxTopicsPerUser: number; maxSearchResults: number };
  search: Chat['search'];
}

const PAGE = 50;
const MAX_PAGE = 500;
const MAX_LEXEMES = 50;

export function createTopics(parts: TopicsParts): Topics {
  const { database, access, principals, tell, limits, search } = parts;

  function ownerOf(caller: Caller): string {
    if (caller.admin) throw new ChatError('forbidden', 'administrators have no topics');
    principals.of(caller.name);
    return caller.name;
  }

  /** Ids of rooms that the caller may read. */
  async function readable(caller: Caller, rooms: readonly string[]): Promise<string[]> {
    const standings = await Promise.all(rooms.map((room) => access.standing(caller, room)));
    for (const standing of standings) demand(caller, standing, 'mayRead');
    return [...new Set(standings.map(({ room }) => room.id))];
  }

  async function mayRead(caller: Caller, room: string): Promise<boolean> {
    try {
      return (await access.standing(caller, room)).mayRead;
    } catch (error) {
      if (error instanceof ChatError && error.code === 'not-found') return false;
      throw error;
    }
  }

  async function put(client: PoolClient, owner: string, topic: Topic): Promise<void> {
    await store.lockOwner(client, owner);
    if (topic.words !== undefined) requireWords(await store.lexemesIn(client, topic.words));
    const { maxTopicsPerUser } = limits();
    if ((await store.countOthers(client, owner, topic.name)) >= maxTopicsPerUser)
      throw new ChatError('limit', `a user may have ${maxTopicsPerUser} topics: delete one first`);
    await store.putTopic(client, owner, topic);
    await tell(client, { topics: owner });
  }

  /** What is asked of a search; undefined where none of the topic's rooms can be read any more. */
  async function queryOf(
    caller: Caller,
    { words, author, mentionsMe, rooms }: Topic,
  ): Promise<SearchQuery | undefined> {
    const may = rooms && (await Promise.all(rooms.map((room) => mayRead(caller, room))));
    const left = rooms?.filter((_, at) => may?.[at]);
    if (left?.length === 0) return undefined;
    return { text: words, author, mentionsMe, ...(left && { rooms: left }) };
  }

  return {
    async topics(caller) {
      const owner = ownerOf(caller);
      return database.use((client) => store.selectTopics(client, owner));
    },

    async setTopic(caller, name, given) {
      const owner = ownerOf(caller);
      const words = wordsField(given.words);
      const author = authorField(given.author);
      const mentionsMe = given.mentionsMe ?? false;
      if (words === undefined && author === undefined && !mentionsMe)
        throw new ChatError('invalid', 'a topic needs words, an author or mentionsMe');
      const rooms = roomsField(given.rooms);
      const topic: Topic = {
        name: topicName(name),
        ...(words !== undefined && { words }),
        ...(author !== undefined && { author }),
        mentionsMe,
        ...(rooms && { rooms: await readable(caller, rooms) }),
      };
      await database.transaction((client) => put(client, owner, topic));
      return topic;
    },

    async deleteTopic(caller, name) {
      const owner = ownerOf(caller);
      await database.transaction(async (client) => {
        if (!(await store.deleteTopic(client, owner, topicName(name)))) throw noSuchTopic(name);
        await tell(client, { topics: owner });
      });
    },

    async topicPosts(caller, name, { since, after, limit = PAGE }) {
      const owner = ownerOf(caller);
      const size = Math.min(limit, MAX_PAGE, limits().maxSearchResults);
      const place = after === undefined ? undefined : placeIn(after);
      const topic = await database.use((client) => store.selectTopic(client, owner, topicName(name)));
      if (topic === undefined) throw noSuchTopic(name);
      const query = await queryOf(caller, topic);
      if (query === undefined) return { posts: [] };
      const posts = await search(caller, { ...query, from: since, before: place, limit: size });
      const last = posts.at(-1);
      return { posts, ...(last && { next: placeText(last) }) };
    },
  };
}

function requireWords(lexemes: readonly string[]): void {
  if (lexemes.length === 0)
    throw new ChatError('invalid', 'words: there is nothing in it that a search finds: letters or digits');
  if (lexemes.length > MAX_LEXEMES) throw new ChatError('invalid', `words: more than ${MAX_LEXEMES}`);
}

const noSuchTopic = (name: string): ChatError =>
  new ChatError('not-found', `you have no topic ${JSON.stringify(name.slice(0, 100))}`);

type Place = NonNullable<SearchQuery['before']>;

const placeText = ({ at, room, seq }: Post): string => `${at}/${room}/${seq}`;

/** Whether it is a time and an id, the search sees. */
function placeIn(text: string): Place {
  const [at = '', room = '', seq = '', ...rest] = text.split('/');
  if (!/^\d{1,15}$/.test(seq) || rest.length > 0)
    throw new ChatError('invalid', 'after: must be the `next` of the page before');
  return { at, room, seq: Number(seq) };
}
