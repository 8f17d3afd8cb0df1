// Rooms in memory, for tests of the surface alone: who may what is only membership here.
import { randomUUID } from 'node:crypto';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import {
  type Caller,
  type Category,
  type Chat,
  ChatError,
  type Participant,
  type Post,
  type Room,
  type RoomAccess,
  type RoomListener,
  type RoomView,
} from '../../src/chat.ts';

interface FakeRoom {
  room: Room;
  access: RoomAccess;
  posts: Post[];
  listeners: Map<RoomListener, string>;
  chatHistory: boolean;
}

export interface FakeChat extends Chat {
  /** What was asked, by name and caller. */
  readonly asked: { name: string; caller: Caller }[];
  /** Makes the next call of this name fail. */
  fail(name: keyof Chat, error: unknown): void;
  /** The next call of this name waits for it. */
  hold(name: keyof Chat, until: Promise<void>): void;
  addRoom(name: string, members: string[], chatHistory?: boolean): Room;
  /** As if it happened in the room; numbered here. */
  happen(room: string, event: Record<string, unknown> & { kind: ChatEvent['kind']; by: string }): void;
  /** Removes a member who may be in the room. */
  evict(room: string, member: string, why: string): void;
  /** There is a roster again, or none any more. */
  tellRoster(room: string, roster: Participant[] | undefined): void;
  /** Sessions that are in a room. */
  sessions(room: string): number;
}

export function createFakeChat(): FakeChat {
  const asked: { name: string; caller: Caller }[] = [];
  const failures = new Map<string, unknown>();
  const holds = new Map<string, Promise<void>>();
  const rooms = new Map<string, FakeRoom>();
  const category: Category = {
    id: randomUUID(),
    name: 'General',
    description: '',
    invitations: true,
    fileUpload: true,
    chatHistory: true,
    complianceRequired: false,
    retentionDays: undefined,
    allowed: ['domain:contoso.lab'],
    denied: [],
    creators: [],
  };

  const find = (ref: string): FakeRoom => {
    const found = rooms.get(ref) ?? [...rooms.values()].find(({ room }) => room.name === ref);
    if (!found) throw new ChatError('not-found', `there is no room ${ref}`);
    return found;
  };
  const enter = (caller: Caller, ref: string): FakeRoom => {
    const found = find(ref);
    if (caller.admin || found.access.members.includes(caller.name)) return found;
    throw new ChatError('forbidden', 'you are not a member of this room');
  };
  const view = ({ room, access, chatHistory }: FakeRoom, caller: Caller): RoomView => ({
    ...room,
    categoryName: category.name,
    roles: access.members.includes(caller.name) ? ['member'] : [],
    mayPost: true,
    chatHistory,
    unread: 0,
  });
  const admin = (caller: Caller): void => {
    if (!caller.admin) throw new ChatError('forbidden', 'only administrators may do that');
  };

  function tell(fake: FakeRoom, event: Record<string, unknown>): ChatEvent {
    const seq = ++fake.room.lastSeq;
    const whole = { scope: fake.room.id, seq, at: new Date().toISOString(), ...event } as ChatEvent;
    for (const listener of [...fake.listeners.keys()]) listener.onEvents([whole]);
    return whole;
  }

  const chat: Chat = {
    async createCategory(caller, spec) {
      admin(caller);
      return { ...category, ...spec, id: randomUUID() };
    },
    async changeCategory(caller, _category, change) {
      admin(caller);
      return { ...category, ...change };
    },
    async deleteCategory(caller) {
      admin(caller);
      throw new ChatError('conflict', 'the category has rooms');
    },
    categories: async () => [category],
    async createRoom(caller, spec) {
      if ([...rooms.values()].some(({ room }) => room.name === spec.name))
        throw new ChatError('conflict', `the name ${spec.name} is taken`);
      return addRoom(spec.name, [caller.name, ...(spec.members ?? [])]);
    },
    async changeRoom(caller, ref, change) {
      const { room } = enter(caller, ref);
      return Object.assign(room, change);
    },
    async setDisabled(caller, ref, disabled) {
      return Object.assign(enter(caller, ref).room, { disabled });
    },
    async deleteRoom(caller, ref) {
      rooms.delete(enter(caller, ref).room.id);
    },
    room: async (caller, ref) => view(enter(caller, ref), caller),
    findRooms: async (caller, { text = '' }) =>
      [...rooms.values()].filter(({ room }) => room.name.includes(text)).map((fake) => view(fake, caller)),
    access: async (caller, ref) => enter(caller, ref).access,
    async changeAccess(caller, ref, { add, remove }) {
      const { access } = enter(caller, ref);
      access.members.push(...(add?.members ?? []));
      access.members = access.members.filter((member) => !remove?.members?.includes(member));
      return access;
    },
    invitations: async () => [],
    async join(caller, ref, listener) {
      const fake = enter(caller, ref);
      const joined = { ...view(fake, caller) };
      const history = fake.chatHistory ? fake.posts.slice(-30) : [];
      fake.listeners.set(listener, caller.name);
      const since = new Date().toISOString();
      const roster = [...new Set(fake.listeners.values())].map((name) => ({ name, since }));
      return { room: joined, history, roster, part: async () => void fake.listeners.delete(listener) };
    },
    async post(caller, ref, { clientId, ...posting }) {
      const fake = enter(caller, ref);
      const known = clients.get(`${fake.room.id} ${caller.name} ${clientId}`);
      if (known) return known;
      const { seq, at } = tell(fake, {
        kind: 'post',
        by: caller.name,
        clientId,
        mentions: [],
        files: [],
        ...posting,
      });
      const post: Post = {
        room: fake.room.id,
        seq,
        at,
        by: caller.name,
        mentions: [],
        files: [],
        reactions: [],
        ...posting,
      };
      fake.posts.push(post);
      clients.set(`${fake.room.id} ${caller.name} ${clientId}`, post);
      return post;
    },
    async edit(caller, ref, seq, change) {
      const fake = enter(caller, ref);
      const post = fake.posts.find((each) => each.seq === seq);
      if (!post) throw new ChatError('not-found', 'there is no such post');
      const before = { body: post.body };
      const { at } = tell(fake, { kind: 'edit', by: caller.name, post: seq, before, ...change });
      return Object.assign(post, change, { editedAt: at });
    },
    async deletePost(caller, ref, seq) {
      const fake = enter(caller, ref);
      tell(fake, { kind: 'delete', by: caller.name, post: seq, before: { body: 'gone' } });
    },
    async react(caller, ref, seq, reaction, set) {
      tell(enter(caller, ref), { kind: 'reaction', by: caller.name, post: seq, reaction, set });
    },
    async history(caller, ref, { before = Number.POSITIVE_INFINITY, after, limit = 30 }) {
      const { posts, chatHistory } = enter(caller, ref);
      if (!chatHistory) return [];
      const fitting = posts.filter(({ seq }) => seq > (after ?? 0) && seq < before);
      return after !== undefined ? fitting.slice(0, limit) : fitting.slice(-limit);
    },
    search: async (_caller, { text = '', rooms: wanted }) =>
      [...rooms.values()]
        .filter(({ room }) => !wanted || wanted.includes(room.name) || wanted.includes(room.id))
        .flatMap(({ posts }) => posts.filter(({ body }) => body.includes(text))),
    markRead: async (caller, ref) => void enter(caller, ref),
    unread: async () => [...rooms.values()].map(({ room }) => ({ room: room.id, unread: 1, mentions: 0 })),
    async purge(caller, ref) {
      admin(caller);
      return enter(caller, ref).posts.splice(0).length;
    },
    async setLegalHold(caller, ref, legalHold) {
      admin(caller);
      return Object.assign(enter(caller, ref).room, { legalHold });
    },
    topics: async () => [],
    setTopic: async (_caller, name, spec) => ({ ...spec, name, mentionsMe: spec.mentionsMe ?? false }),
    async deleteTopic() {},
    topicPosts: async () => ({ posts: [] }),
    watchAlerts: async () => () => {},
    async noteFile(caller, ref, kind, file) {
      tell(enter(caller, ref), { kind, by: caller.name, file });
    },
  };
  const clients = new Map<string, Post>();

  function addRoom(name: string, members: string[], chatHistory = true): Room {
    const room: Room = {
      id: randomUUID(),
      name,
      description: '',
      category: category.id,
      kind: 'normal',
      privacy: 'closed',
      invitations: undefined,
      addIn: undefined,
      disabled: false,
      legalHold: false,
      lastSeq: 0,
    };
    rooms.set(room.id, {
      room,
      access: { members, managers: [], presenters: [] },
      posts: [],
      listeners: new Map(),
      chatHistory,
    });
    return room;
  }

  const watched = new Proxy(chat, {
    get(target, name: keyof Chat) {
      return async (caller: Caller, ...rest: unknown[]) => {
        asked.push({ name, caller });
        const held = holds.get(name);
        holds.delete(name);
        await held;
        if (failures.has(name)) {
          const error = failures.get(name);
          failures.delete(name);
          throw error;
        }
        return (target[name] as (...args: unknown[]) => unknown)(caller, ...rest);
      };
    },
  });
  const own = {
    asked,
    fail: (name: string, error: unknown) => void failures.set(name, error),
    hold: (name: string, until: Promise<void>) => void holds.set(name, until),
    addRoom,
    happen: (ref: string, event: Record<string, unknown>) => void tell(find(ref), event),
    evict(ref: string, member: string, why: string) {
      const fake = find(ref);
      fake.access.members = fake.access.members.filter((name) => name !== member);
      for (const [listener, name] of [...fake.listeners])
        if (name === member) {
          fake.listeners.delete(listener);
          listener.onEnded(why);
        }
    },
    tellRoster(ref: string, roster: Participant[] | undefined) {
      for (const listener of find(ref).listeners.keys()) listener.onRoster?.(roster);
    },
    sessions: (ref: string) => find(ref).listeners.size,
  };
  return new Proxy(own as unknown as FakeChat, {
    get: (target, name: keyof FakeChat) =>
      name in target ? target[name] : (watched as unknown as FakeChat)[name],
  });
}
