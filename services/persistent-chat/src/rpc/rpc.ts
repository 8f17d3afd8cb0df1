// What other roles and administrators ask, as it arrives by gRPC: in whose name, what, and the answer.
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { ChatServer, Caller as RpcCaller } from '@linchpin/proto/chat/v1/chat';
import {
  type Caller,
  type Chat,
  ChatError,
  type Page,
  type Room,
  type RoomSpec,
  type SearchQuery,
} from '../chat.ts';
import { type AnyCall, callerOf } from './caller.ts';
import { streamRoom } from './join.ts';
import {
  fromCategorySpec,
  fromRoomSpec,
  given,
  toAccess,
  toCategory,
  toInvitation,
  toPost,
  toRoom,
  toRoomReply,
} from './messages.ts';
import { statusOf } from './status.ts';

/** Every method of the service, and nothing else. */
export type ChatHandlers = {
  [Method in keyof ChatServer as string extends Method
    ? never
    : number extends Method
      ? never
      : Method]: ChatServer[Method];
};

interface Asked {
  caller: RpcCaller | undefined;
}

const NO_LISTS = { members: [], managers: [], presenters: [] };

const DEFAULT_PAGE = 1_000;

const pageOf = ({ limit, after }: { limit: number; after: string }): Page & { limit: number } => ({
  limit: limit || DEFAULT_PAGE,
  ...(after !== '' && { after }),
});

/** What a search ended with: "<at> <id of the room> <number>". */
function placeIn(after: string): NonNullable<SearchQuery['before']> {
  const [at = '', room = '', number] = after.split(' ');
  const seq = Number(number);
  if (!Number.isSafeInteger(seq))
    throw new ChatError('invalid', 'after: must be the `next` of the page before');
  return { at, room, seq };
}

/** `onAnswered`: what became of a call, `ok` or the code of the error. */
export function createChatRpc(
  chat: Chat,
  onAnswered: (method: string, result: string) => void = () => {},
): ChatHandlers {
  /** Disabling and legal holds are steps of their own, after the rest. */
  async function setFlags(
    caller: Caller,
    room: string,
    { disabled, legalHold }: { disabled?: boolean | undefined; legalHold?: boolean | undefined },
  ): Promise<Room | undefined> {
    let changed: Room | undefined;
    if (disabled !== undefined) changed = await chat.setDisabled(caller, room, disabled);
    if (legalHold !== undefined) changed = await chat.setLegalHold(caller, room, legalHold);
    return changed;
  }

  /** The one place where errors become statuses: the host takes what a handler rejects with. */
  async function answering(call: AnyCall, run: () => Promise<void>): Promise<void> {
    const method = call.getPath().split('/').at(-1) ?? '';
    try {
      await run();
      onAnswered(method, 'ok');
    } catch (error) {
      onAnswered(method, error instanceof ChatError ? error.code : 'failed');
      throw statusOf(error);
    }
  }

  const unary =
    <Q extends Asked, A>(answer: (caller: Caller, request: Q) => Promise<A>) =>
    (call: ServerUnaryCall<Q, A>, callback: sendUnaryData<A>): Promise<void> =>
      answering(call, async () => {
        callback(null, await answer(callerOf(call, call.request.caller), call.request));
      });

  return {
    createCategory: unary(async (caller, { spec }) =>
      toCategory(await chat.createCategory(caller, { name: '', ...fromCategorySpec(spec) })),
    ),
    changeCategory: unary(async (caller, { category, change }) =>
      toCategory(await chat.changeCategory(caller, category, fromCategorySpec(change))),
    ),
    deleteCategory: unary(async (caller, { category }) => {
      await chat.deleteCategory(caller, category);
      return {};
    }),
    listCategories: unary(async (caller, request) => {
      const page = pageOf(request);
      const categories = (await chat.categories(caller, page)).map(toCategory);
      return { categories, next: categories.length < page.limit ? '' : (categories.at(-1)?.name ?? '') };
    }),

    createRoom: unary(async (caller, { spec, access }) => {
      const wanted: RoomSpec = {
        name: '',
        category: '',
        ...fromRoomSpec(spec),
        ...(access ?? NO_LISTS),
      };
      const room = await chat.createRoom(caller, wanted);
      return toRoom((await setFlags(caller, room.id, spec ?? {})) ?? room);
    }),
    changeRoom: unary(async (caller, { room, change }) => {
      const settings = fromRoomSpec(change);
      const isChanged = Object.keys(settings).length > 0;
      const changed = isChanged ? await chat.changeRoom(caller, room, settings) : undefined;
      const flagged = await setFlags(caller, changed?.id ?? room, change ?? {});
      return toRoom(flagged ?? changed ?? (await chat.room(caller, room)));
    }),
    deleteRoom: unary(async (caller, { room }) => {
      await chat.deleteRoom(caller, room);
      return {};
    }),
    getRoom: unary(async (caller, { room }) => toRoomReply(await chat.room(caller, room))),
    findRooms: unary(async (caller, { text, mine, limit, after }) => {
      const found = await chat.findRooms(caller, { text, mine, after, ...(limit > 0 && { limit }) });
      return { rooms: found.map(toRoomReply), next: found.at(-1)?.name ?? '' };
    }),
    getAccess: unary(async (caller, request) => {
      const { next = '', ...access } = await chat.access(caller, request.room, pageOf(request));
      return { ...toAccess(access), next };
    }),
    changeAccess: unary(async (caller, { room, add, remove }) => {
      const change = { add: add ?? NO_LISTS, remove: remove ?? NO_LISTS };
      const { next = '', ...access } = await chat.changeAccess(caller, room, change, { limit: DEFAULT_PAGE });
      return { ...toAccess(access), next };
    }),

    listInvitations: unary(async (caller, request) => {
      const found = await chat.invitations(caller, pageOf(request));
      const last = found.at(-1);
      return { invitations: found.map(toInvitation), next: last ? `${last.at} ${last.room.id}` : '' };
    }),

    sendPost: unary(async (caller, { room, clientId, body, subject, thread, files }) => {
      const posting = { clientId, body, subject: given(subject), thread: given(thread), files };
      return toPost(await chat.post(caller, room, posting));
    }),
    editPost: unary(async (caller, { room, seq, body, subject }) =>
      toPost(await chat.edit(caller, room, seq, { body, subject: given(subject) })),
    ),
    deletePost: unary(async (caller, { room, seq }) => {
      await chat.deletePost(caller, room, seq);
      return {};
    }),
    react: unary(async (caller, { room, seq, reaction, set }) => {
      await chat.react(caller, room, seq, reaction, set);
      return {};
    }),
    history: unary(async (caller, { room, before, after, limit }) => {
      const query = { before: given(before), after: given(after), limit: given(limit) };
      return { posts: (await chat.history(caller, room, query)).map(toPost) };
    }),
    search: unary(async (caller, { text, rooms, author, from, to, mentionsMe, limit, after }) => {
      const posts = await chat.search(caller, {
        text: given(text),
        rooms: rooms.length > 0 ? rooms : undefined,
        author: given(author),
        from: given(from),
        to: given(to),
        mentionsMe: mentionsMe || undefined,
        limit: given(limit),
        before: after === '' ? undefined : placeIn(after),
      });
      const last = posts.at(-1);
      return { posts: posts.map(toPost), next: last ? `${last.at} ${last.room} ${last.seq}` : '' };
    }),
    markRead: unary(async (caller, { room, seq }) => {
      await chat.markRead(caller, room, seq);
      return {};
    }),
    listUnread: unary(async (caller, request) => {
      const rooms = await chat.unread(caller, pageOf(request));
      return { rooms, next: rooms.at(-1)?.room ?? '' };
    }),
    purge: unary(async (caller, { room, before, author, seqs, why }) => ({
      posts: await chat.purge(caller, room, {
        before: given(before),
        author: given(author),
        seqs: seqs.length > 0 ? seqs : undefined,
        why,
      }),
    })),
    join: (call) => answering(call, () => streamRoom(chat, callerOf(call, call.request.caller), call)),
  };
}
