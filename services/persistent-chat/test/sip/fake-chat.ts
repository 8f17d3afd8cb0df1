// Rooms that are only remembered, for all pods of a test: what the SIP bridge needs of `Chat`, and what it must not ask for.
import { randomUUID } from 'node:crypto';
import type { ChatEvent, PostEvent } from '@linchpin/proto/chat-events';
import {
  type Caller,
  type Chat,
  ChatError,
  type HistoryQuery,
  type Participation,
  type Post,
  type Posting,
  type RoomListener,
  type RoomView,
} from '../../src/chat.ts';

interface FakeRoom {
  id: string;
  name: string;
  members: Set<string>;
  lastSeq: number;
  posts: (Post & { clientId: string })[];
  listeners: Map<RoomListener, string>;
}

export interface FakeChat {
  readonly chat: Chat;
  add(name: string, members: readonly string[]): string;
  posts(room: string): readonly Post[];
  /** Who is in the room now. */
  present(room: string): string[];
  /** A post by way of another surface. */
  post(room: string, author: string, body: string): number;
  emit(room: string, event: Record<string, unknown>): void;
  remove(room: string, member: string): void;
  /** All sessions fall behind. */
  lag(room: string): void;
  /** What is thrown instead of storing a post. */
  failure: ChatError | undefined;
}

export function createFakeChat(): FakeChat {
  const rooms = new Map<string, FakeRoom>();

  function roomOf({ name }: Caller, id: string): FakeRoom {
    const room = rooms.get(id);
    if (!room) throw new ChatError('not-found', 'No such room');
    if (!room.members.has(name)) throw new ChatError('forbidden', `${name} is no member`);
    return room;
  }

  const viewOf = ({ id, name, lastSeq }: FakeRoom): RoomView => ({
    id,
    name,
    description: '',
    category: '',
    categoryName: '',
    kind: 'normal',
    privacy: 'closed',
    invitations: undefined,
    addIn: undefined,
    disabled: false,
    legalHold: false,
    lastSeq,
    roles: ['member'],
    mayPost: true,
    chatHistory: true,
    unread: 0,
  });

  function emit(room: FakeRoom, event: Record<string, unknown>): number {
    const seq = ++room.lastSeq;
    const whole = { scope: room.id, seq, at: new Date().toISOString(), ...event } as unknown as ChatEvent;
    for (const listener of [...room.listeners.keys()]) void listener.onEvents([whole]);
    return seq;
  }

  function store(room: FakeRoom, author: string, { clientId, body, subject }: Posting): Post {
    const known = room.posts.find((post) => post.clientId === clientId && post.by === author);
    if (known) return known;
    const event: Omit<PostEvent, 'seq'> = {
      scope: room.id,
      kind: 'post',
      at: new Date().toISOString(),
      by: author,
      clientId,
      body,
      mentions: [],
      files: [],
      ...(subject !== undefined && { subject }),
    };
    const post = { ...event, room: room.id, seq: room.lastSeq + 1, reactions: [] };
    room.posts.push(post);
    emit(room, { ...event });
    return post;
  }

  const fake: FakeChat = {
    chat: new Proxy(
      {
        async join(caller: Caller, id: string, listener: RoomListener): Promise<Participation> {
          const room = roomOf(caller, id);
          room.listeners.set(listener, caller.name);
          return {
            room: viewOf(room),
            history: room.posts.slice(-30),
            roster: [...new Set(room.listeners.values())].map((name) => ({ name, since: '' })),
            async part() {
              room.listeners.delete(listener);
            },
          };
        },
        async post(caller: Caller, id: string, posting: Posting): Promise<Post> {
          const room = roomOf(caller, id);
          if (fake.failure) throw fake.failure;
          return store(room, caller.name, posting);
        },
        async history(caller: Caller, id: string, { after, limit = 30 }: HistoryQuery): Promise<Post[]> {
          const { posts } = roomOf(caller, id);
          return after === undefined
            ? posts.slice(-limit)
            : posts.filter(({ seq }) => seq > after).slice(0, limit);
        },
        room: async (caller: Caller, id: string): Promise<RoomView> => viewOf(roomOf(caller, id)),
        findRooms: async ({ name }: Caller, { text = '' }: { text?: string }): Promise<RoomView[]> =>
          [...rooms.values()]
            .filter((room) => room.members.has(name) && room.name.includes(text))
            .map(viewOf),
      } as unknown as Chat,
      {
        get(target, name) {
          const found = target[name as keyof Chat];
          if (!found) throw new Error(`the SIP bridge has no business with ${String(name)}`);
          return found;
        },
      },
    ),
    add(name, members) {
      const id = randomUUID();
      const room = { id, name, members: new Set(members), lastSeq: 0, posts: [], listeners: new Map() };
      rooms.set(id, room);
      return id;
    },
    posts: (id) => rooms.get(id)?.posts ?? [],
    present: (id) => [...new Set(rooms.get(id)?.listeners.values())].sort(),
    post: (id, author, body) =>
      store(rooms.get(id) as FakeRoom, author, { clientId: randomUUID(), body }).seq,
    emit: (id, event) => void emit(rooms.get(id) as FakeRoom, event),
    remove(id, member) {
      const room = rooms.get(id) as FakeRoom;
      room.members.delete(member);
      end(room, 'removed', member);
    },
    lag: (id) => end(rooms.get(id) as FakeRoom, 'lagging'),
    failure: undefined,
  };

  function end(room: FakeRoom, why: string, who?: string): void {
    for (const [listener, member] of [...room.listeners]) {
      if (who !== undefined && member !== who) continue;
      room.listeners.delete(listener);
      listener.onEnded(why);
    }
  }

  return fake;
}
