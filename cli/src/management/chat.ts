import {
  type Access,
  type Category,
  type CategorySpec,
  ChatClient,
  type JoinEvent,
  type Post,
  type Room,
  type RoomReply,
  type RoomSpec,
} from '@linchpin/proto/chat/v1/chat';
import { adminChannel, ask, follow } from './rpc.ts';
import type { Site } from './site.ts';

/** A room as lists show it. */
export type RoomEntry = Room & Pick<RoomReply, 'categoryName'>;

export interface PostOptions {
  body: string;
  subject?: string | undefined;
  thread?: number | undefined;
  /** Made up where there is none: the same one again stores nothing. */
  clientId?: string | undefined;
}

export interface HistoryOptions {
  before?: number | undefined;
  after?: number | undefined;
  limit?: number | undefined;
}

export interface SearchOptions {
  text: string;
  rooms: string[];
  author?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  limit?: number | undefined;
}

export interface PurgeOptions {
  before?: string | undefined;
  author?: string | undefined;
  seqs: number[];
  why: string;
}

/** Persistent Chat, by way of CMS. Rooms and categories are named, or given by their id. */
export interface Chat {
  createCategory(spec: CategorySpec): Promise<Category>;
  changeCategory(category: string, change: CategorySpec): Promise<Category>;
  deleteCategory(category: string): Promise<void>;
  categories(): Promise<Category[]>;
  createRoom(spec: RoomSpec, access: Access): Promise<Room>;
  changeRoom(room: string, change: RoomSpec): Promise<Room>;
  deleteRoom(room: string): Promise<void>;
  room(room: string): Promise<RoomReply>;
  /** All that have these words in name or description. */
  rooms(text: string): Promise<RoomEntry[]>;
  access(room: string): Promise<Access>;
  changeAccess(room: string, add: Access, remove: Access): Promise<Access>;
  post(room: string, post: PostOptions): Promise<Post>;
  history(room: string, options: HistoryOptions): Promise<Post[]>;
  search(options: SearchOptions): Promise<Post[]>;
  /** Resolves with how many posts are gone. */
  purge(room: string, options: PurgeOptions): Promise<number>;
  /** Resolves when the session is over. */
  join(room: string, onEvent: (event: JoinEvent) => void): Promise<void>;
}

export const NO_ACCESS: Access = { members: [], managers: [], presenters: [] };
const PAGE = 500;
const PAGE_OF_ACCESS = 10_000;

export interface ChatAs {
  /** In whose name; empty: of the administrator whose certificate it is. */
  user: string;
  /** host:port of a pod that is asked itself, past CMS. */
  pod?: string | undefined;
}

export async function withChat<T>(
  site: Site,
  { user, pod }: ChatAs,
  use: (chat: Chat) => Promise<T>,
): Promise<T> {
  const channel = await adminChannel(site, pod === undefined ? 'cms' : 'persistent-chat');
  const client = new ChatClient(pod ?? site.cms, channel.credentials, channel.options);
  try {
    return await use(chatOf(client, site, user));
  } finally {
    client.close();
  }
}

const chatOf = (client: ChatClient, site: Site, user: string): Chat => {
  const caller = { user };

  const accessOf = async (room: string, after = ''): Promise<Access> =>
    joined(
      await allPages(async (behind) => {
        const request = { caller, room, limit: PAGE_OF_ACCESS, after: behind };
        const { next, ...page } = await ask(client.getAccess.bind(client), request, site);
        return { items: [page], next };
      }, after),
    );

  return {
    createCategory: (spec) => ask(client.createCategory.bind(client), { caller, spec }, site),
    changeCategory: (category, change) =>
      ask(client.changeCategory.bind(client), { caller, category, change }, site),
    deleteCategory: async (category) =>
      void (await ask(client.deleteCategory.bind(client), { caller, category }, site)),
    categories: () =>
      allPages(async (after) => {
        const request = { caller, limit: PAGE, after };
        const { categories, next } = await ask(client.listCategories.bind(client), request, site);
        return { items: categories, next };
      }),
    createRoom: (spec, access) => ask(client.createRoom.bind(client), { caller, spec, access }, site),
    changeRoom: (room, change) => ask(client.changeRoom.bind(client), { caller, room, change }, site),
    deleteRoom: async (room) => void (await ask(client.deleteRoom.bind(client), { caller, room }, site)),
    room: (room) => ask(client.getRoom.bind(client), { caller, room }, site),
    rooms: (text) =>
      allPages(async (after) => {
        const request = { caller, text, mine: false, limit: PAGE, after };
        const { rooms, next } = await ask(client.findRooms.bind(client), request, site);
        return { items: rooms.flatMap(entryOf), next };
      }),
    access: (room) => accessOf(room),
    async changeAccess(room, add, remove) {
      const request = { caller, room, add, remove };
      const { next, ...first } = await ask(client.changeAccess.bind(client), request, site);
      return next === '' ? first : joined([first, await accessOf(room, next)]);
    },
    post: (room, { body, subject = '', thread = 0, clientId = crypto.randomUUID() }) =>
      ask(client.sendPost.bind(client), { caller, room, clientId, body, subject, thread, files: [] }, site),
    history: async (room, { before = 0, after = 0, limit = 0 }) =>
      (await ask(client.history.bind(client), { caller, room, before, after, limit }, site)).posts,
    async search({ text, rooms, author = '', from = '', to = '', limit = 0 }) {
      const request = { caller, text, rooms, author, from, to, limit, mentionsMe: false, after: '' };
      return (await ask(client.search.bind(client), request, site)).posts;
    },
    purge: async (room, { before = '', author = '', seqs, why }) =>
      (await ask(client.purge.bind(client), { caller, room, before, author, seqs, why }, site)).posts,
    join: (room, onEvent) => follow(client.join({ caller, room }), onEvent, site),
  };
};

const entryOf = ({ room, categoryName }: RoomReply): RoomEntry[] =>
  room === undefined ? [] : [{ ...room, categoryName }];

/** A page may be empty and yet have one behind it. */
async function allPages<T>(
  ask: (after: string) => Promise<{ items: T[]; next: string }>,
  from = '',
): Promise<T[]> {
  const all: T[] = [];
  for (let after = from; ; ) {
    const { items, next } = await ask(after);
    all.push(...items);
    if (next === '') return all;
    after = next;
  }
}

const joined = (pages: readonly Access[]): Access => ({
  members: pages.flatMap(({ members }) => members),
  managers: pages.flatMap(({ managers }) => managers),
  presenters: pages.flatMap(({ presenters }) => presenters),
});
