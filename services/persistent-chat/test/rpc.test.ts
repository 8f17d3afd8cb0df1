import { promisify } from 'node:util';
import { type ClientReadableStream, Metadata, status } from '@grpc/grpc-js';
import { createRpcClient } from '@linchpin/host';
import {
  type AccessPage,
  type Category,
  ChatClient,
  type FindRoomsReply,
  type HistoryReply,
  type JoinEvent,
  type ListCategoriesReply,
  type ListInvitationsReply,
  type ListUnreadReply,
  type Post,
  type PurgeReply,
  type Room,
  type RoomReply,
  type SearchReply,
} from '@linchpin/proto/chat/v1/chat';
import { ADMINISTRATOR } from '@linchpin/proto/on-behalf-of';
import { createInbox } from '@linchpin/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { address, createRig, type Rig } from './rig.ts';

let rig: Rig;
const clients: ChatClient[] = [];
const caller = (name = '') => ({ user: name === '' ? '' : address(name) });

beforeAll(async () => {
  rig = await createRig({ pods: 2 });
});
afterAll(async () => {
  for (const client of clients) client.close();
  await rig.close();
});

async function clientOf(role: string, pod = 0): Promise<ChatClient> {
  const { port } = (rig.pods[pod] as Rig['pods'][number]).started.rpc;
  const mtls = await rig.lab.mtls(role);
  const client = createRpcClient(ChatClient, `127.0.0.1:${port}`, 'persistent-chat', mtls);
  clients.push(client);
  return client;
}

type Unary = {
  [M in keyof ChatClient]: ChatClient[M] extends (...a: never[]) => { getPeer(): string } ? M : never;
}[keyof ChatClient];

/** Fields that are not given are as proto3 has them. */
async function ask<A>(
  client: ChatClient,
  method: Unary,
  request: object,
  metadata = new Metadata(),
): Promise<A> {
  const empty = { room: '', text: '', mine: false, limit: 0, after: '', subject: '', thread: 0, files: [] };
  const call = (client[method] as (...given: unknown[]) => unknown).bind(client);
  return promisify<object, Metadata, A>(call)({ ...empty, caller: caller(), ...request }, metadata);
}

const spec = (changes: object) => ({
  allowed: undefined,
  denied: undefined,
  creators: undefined,
  ...changes,
});
const principals = (...names: string[]) => ({ principals: names });

test('administrators, CMS for them, and Front Ends for users; nobody else', async () => {
  const admin = await clientOf('admin');
  const made = await ask<Category>(admin, 'createCategory', {
    spec: spec({
      name: 'All',
      allowed: principals('domain:contoso.lab'),
      creators: principals(address('alice')),
    }),
  });
  expect(made).toMatchObject({ name: 'All', allowed: ['domain:contoso.lab'], retentionDays: 0 });
  const changed = await ask<Category>(await clientOf('cms', 1), 'changeCategory', {
    category: 'All',
    change: spec({ retentionDays: 7 }),
  });
  expect(changed).toMatchObject({ retentionDays: 7, allowed: ['domain:contoso.lab'] });
  const frontend = await clientOf('frontend', 1);
  const room = await ask<Room>(frontend, 'createRoom', {
    caller: caller('alice'),
    spec: { name: 'Talk', category: 'All', privacy: 'open' },
    access: undefined,
  });
  expect(room).toMatchObject({ name: 'Talk', privacy: 'open', invitations: undefined, addIn: '' });
  expect(await ask<RoomReply>(frontend, 'getRoom', { caller: caller('bob'), room: 'talk' })).toMatchObject({
    roles: [],
    mayPost: true,
    categoryName: 'All',
  });
  await expect(ask(frontend, 'getRoom', { room: 'talk' })).rejects.toMatchObject({
    code: status.PERMISSION_DENIED,
    details: expect.stringContaining('for which user'),
  });
  await expect(ask(await clientOf('edge'), 'getRoom', { room: 'talk' })).rejects.toMatchObject({
    code: status.PERMISSION_DENIED,
  });
});

test('says by name who did it: the certificate’s, or who CMS speaks for', async () => {
  const metadata = new Metadata();
  metadata.set(ADMINISTRATOR, Buffer.from('änna'));
  const post = (client: ChatClient, clientId: string) =>
    ask<Post>(client, 'sendPost', { room: 'Talk', clientId, body: 'x' }, metadata);
  expect((await post(await clientOf('cms'), 'a')).by).toBe('admin:änna');
  expect((await post(await clientOf('admin'), 'b')).by).toBe('admin:admin-0');
});

test('every kind of refusal has its status, with words', async () => {
  const admin = await clientOf('admin');
  const refused = (method: Unary, request: object) => ask(admin, method, request).catch((error) => error);
  expect(await refused('getRoom', { room: 'nowhere' })).toMatchObject({
    code: status.NOT_FOUND,
    details: expect.stringContaining('"nowhere"'),
  });
  expect(await refused('createRoom', { spec: { name: 'Talk', category: 'All' } })).toMatchObject({
    code: status.ALREADY_EXISTS,
  });
  expect(await refused('createRoom', { spec: { name: '', category: 'All' } })).toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: expect.stringContaining('name:'),
  });
  expect(await refused('findRooms', { caller: caller('zoe') })).toMatchObject({
    code: status.PERMISSION_DENIED,
  });
  expect(await refused('sendPost', { room: 'Talk', clientId: 'big', body: 'x'.repeat(9000) })).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
  });
});

test('posts, history, search, changes of a room and purge', async () => {
  const frontend = await clientOf('frontend');
  const admin = await clientOf('admin');
  const alice = caller('alice');
  const room = await ask<Room>(frontend, 'createRoom', {
    caller: alice,
    spec: { name: 'Log', category: 'All' },
    access: { members: [address('bob')], managers: [], presenters: [] },
  });
  const post = await ask<Post>(frontend, 'sendPost', {
    caller: alice,
    room: 'Log',
    clientId: '1',
    body: 'one gold',
  });
  expect(post).toMatchObject({
    by: address('alice'),
    body: 'one gold',
    subject: '',
    thread: 0,
    editedAt: '',
  });
  await ask(frontend, 'editPost', {
    caller: alice,
    room: 'Log',
    seq: post.seq,
    body: 'two gold',
    subject: '',
  });
  const history = await ask<HistoryReply>(frontend, 'history', {
    caller: caller('bob'),
    room: 'Log',
    before: 0,
    after: 0,
  });
  expect(history.posts.map(({ body }) => body)).toEqual(['two gold']);
  const query = { text: 'gold', rooms: [], author: '', from: '', to: '', mentionsMe: false };
  expect(
    (await ask<HistoryReply>(frontend, 'search', { caller: caller('bob'), ...query })).posts,
  ).toHaveLength(1);
  expect((await ask<HistoryReply>(frontend, 'search', { caller: caller('carol'), ...query })).posts).toEqual(
    [],
  );
  const changed = await ask<Room>(admin, 'changeRoom', {
    room: room.id,
    change: { description: 'new', disabled: true, legalHold: true },
  });
  expect(changed).toMatchObject({ description: 'new', disabled: true, legalHold: true });
  expect(await ask<Room>(admin, 'changeRoom', { room: room.id, change: { legalHold: false } })).toMatchObject(
    {
      legalHold: false,
      disabled: true,
    },
  );
  const purge = { room: 'Log', before: '', author: '', seqs: [post.seq], why: 'asked to' };
  expect(await ask<PurgeReply>(admin, 'purge', purge)).toEqual({ posts: 1 });
  const found = await ask<FindRoomsReply>(admin, 'findRooms', { text: 'log' });
  expect(found.rooms.map(({ room }) => room?.name)).toEqual(['Log']);
});

test('reactions, up to where somebody has read, and invitations', async () => {
  const [one, two] = [await clientOf('frontend', 0), await clientOf('frontend', 1)];
  const [alice, bob] = [caller('alice'), caller('bob')];
  const access = { members: [address('bob')], managers: [], presenters: [] };
  const spec = { name: 'Reactions', category: 'All' };
  const room = await ask<Room>(one, 'createRoom', { caller: alice, spec, access });
  const said = { caller: alice, room: 'Reactions', clientId: '1', body: 'hello @bob' };
  const { seq } = await ask<Post>(one, 'sendPost', said);
  const react = { caller: bob, room: 'Reactions', seq, reaction: '👍' };
  await ask(two, 'react', { ...react, set: true });
  await ask(two, 'react', { ...react, reaction: '🎉', set: true });
  await ask(two, 'react', { ...react, set: false });
  const asked = { caller: alice, room: 'Reactions', before: 0, after: 0 };
  const { posts } = await ask<HistoryReply>(one, 'history', asked);
  expect(posts[0]?.reactions).toEqual([{ reaction: '🎉', by: [address('bob')] }]);
  await expect(ask(two, 'react', { ...react, reaction: 'x'.repeat(33), set: true })).rejects.toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
  });
  const invited = async () =>
    (await ask<ListInvitationsReply>(two, 'listInvitations', { caller: bob })).invitations.filter(
      (each) => each.room?.room?.id === room.id,
    );
  expect(await invited()).toMatchObject([{ by: address('alice'), at: expect.stringMatching(/Z$/) }]);
  const unread = async () =>
    (await ask<ListUnreadReply>(two, 'listUnread', { caller: bob })).rooms.filter(
      (each) => each.room === room.id,
    );
  expect(await unread()).toEqual([{ room: room.id, unread: 1, mentions: 1 }]);
  await ask(two, 'markRead', { caller: bob, room: 'Reactions', seq });
  expect(await unread()).toEqual([]);
  expect(await invited()).toEqual([]);
  const nothing = await ask<ListUnreadReply>(await clientOf('admin'), 'listUnread', {});
  expect(nothing).toEqual({ rooms: [], next: '' });
});

/** Everything that is behind each other’s `next`. */
async function pages<A extends { next: string }>(
  client: ChatClient,
  method: Unary,
  request: object,
): Promise<A[]> {
  const all: A[] = [];
  for (let after = ''; ; ) {
    const page = await ask<A>(client, method, { ...request, after });
    all.push(page);
    if (page.next === '') return all;
    after = page.next;
  }
}

test('lists come in pages, each of which says where the next one begins', async () => {
  const admin = await clientOf('admin');
  const names = ['paged C', 'Paged A', 'paged B', 'paged D', 'paged É'];
  for (const name of names)
    await ask(admin, 'createCategory', { spec: spec({ name, allowed: principals('domain:contoso.lab') }) });
  for (const name of names) {
    const members = [address('carol'), address('bob'), 'domain:contoso.lab'];
    const access = { members, managers: [address('carol')], presenters: [address('alice')] };
    await ask(admin, 'createRoom', { spec: { name, category: 'All' }, access });
    await ask(admin, 'sendPost', { room: name, clientId: '1', body: 'x' });
  }
  const sorted = ['Paged A', 'paged B', 'paged C', 'paged D', 'paged É'];
  const categories = await pages<ListCategoriesReply>(admin, 'listCategories', { limit: 2 });
  expect(categories.every(({ categories }) => categories.length <= 2)).toBe(true);
  const categoryNames = categories.flatMap((page) => page.categories.map(({ name }) => name));
  expect(categoryNames.filter((name) => /^paged/i.test(name))).toEqual(sorted);
  const rooms = await pages<FindRoomsReply>(admin, 'findRooms', { text: 'paged', limit: 2 });
  expect(rooms.flatMap((page) => page.rooms.map(({ room }) => room?.name))).toEqual(sorted);
  expect(rooms.map((page) => page.rooms.length)).toEqual([2, 2, 1, 0]);
  const access = await pages<AccessPage>(admin, 'getAccess', { room: 'paged A', limit: 2 });
  expect(access).toHaveLength(3);
  expect(access.flatMap(({ members }) => members).sort()).toEqual([
    ...[address('bob'), address('carol'), 'domain:contoso.lab'],
  ]);
  // Each with all that it is.
  const ofCarol = access.filter(({ members }) => members.includes(address('carol')));
  expect(ofCarol).toMatchObject([{ managers: [address('carol')] }]);
  const frontend = await clientOf('frontend');
  const asCarol = { caller: caller('carol'), limit: 2 };
  const ids = new Set(rooms.flatMap((page) => page.rooms.map(({ room }) => room?.id)));
  const invited = await pages<ListInvitationsReply>(frontend, 'listInvitations', asCarol);
  expect(invited.every(({ invitations }) => invitations.length <= 2)).toBe(true);
  const invitedTo = invited.flatMap((page) => page.invitations.map(({ room }) => room?.room?.name));
  expect(invitedTo.filter((name) => /^paged/i.test(name ?? ''))).toEqual([...names].reverse());
  const unread = await pages<ListUnreadReply>(frontend, 'listUnread', asCarol);
  const unreadIds = unread.flatMap((page) => page.rooms.map(({ room }) => room));
  expect(unreadIds).toEqual([...new Set(unreadIds)].sort());
  expect(unreadIds.filter((id) => ids.has(id))).toHaveLength(5);
  const query = { text: 'x', rooms: names, author: '', from: '', to: '', mentionsMe: false, limit: 2 };
  const found = await pages<SearchReply>(admin, 'search', query);
  expect(found.map(({ posts }) => posts.length)).toEqual([2, 2, 1, 0]);
  expect(new Set(found.flatMap(({ posts }) => posts.map(({ room }) => room)))).toEqual(ids);
  await expect(ask(admin, 'search', { ...query, after: 'x' })).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
  });
  for (const method of ['listCategories', 'listUnread', 'listInvitations'] as const)
    await expect(ask(frontend, method, { ...asCarol, limit: 10_001 })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
});

test('a change of a long list is answered with its first page', async () => {
  const admin = await clientOf('admin');
  const room = await ask<Room>(admin, 'createRoom', { spec: { name: 'Long', category: 'All' } });
  await rig.sql(
    `INSERT INTO room_access (room, principal, role)
     SELECT $1, 'member' || n || '@contoso.lab', 'member' FROM generate_series(1, 1500) AS n`,
    [room.id],
  );
  const add = { members: [], managers: [address('alice')], presenters: [] };
  const first = await ask<AccessPage>(admin, 'changeAccess', { room: 'Long', add, remove: undefined });
  expect([first.managers, first.members.length]).toEqual([[address('alice')], 999]);
  const rest = await ask<AccessPage>(admin, 'getAccess', { room: 'Long', after: first.next });
  expect([rest.members.length, rest.next]).toEqual([501, '']);
  expect(new Set([...first.members, ...rest.members]).size).toBe(1500);
});

test('all metrics of the role begin alike', async () => {
  const { metrics } = (rig.pods[0] as Rig['pods'][number]).started.host;
  const names = (await metrics.getMetricsAsJSON()).map(({ name }) => name);
  expect(names.filter((name) => name.includes('chat') && !name.startsWith('linchpin_chat_'))).toEqual([]);
  expect(names).toContain('linchpin_chat_sip_sessions');
});

interface Followed {
  stream: ClientReadableStream<JoinEvent>;
  next(match: (event: JoinEvent) => boolean): Promise<JoinEvent>;
  events: readonly JoinEvent[];
}

function follow(client: ChatClient, user: string, room: string): Followed {
  const inbox = createInbox<JoinEvent>();
  const stream = client.join({ caller: caller(user), room });
  stream.on('data', inbox.push);
  stream.on('error', () => {});
  return { stream, next: (match) => inbox.next(match, 10_000), events: inbox.items };
}

const isJoined = ({ what }: JoinEvent): boolean => what?.$case === 'joined';
const bodies = (events: readonly JoinEvent[]): string[] =>
  events
    .flatMap(({ what }) => (what?.$case === 'events' ? what.value.events : []))
    .flatMap((text) => JSON.parse(text).body ?? []);

test('a room is followed as a stream, from whichever pod, until who follows is removed', async () => {
  const [one, two] = [await clientOf('frontend', 0), await clientOf('frontend', 1)];
  const alice = caller('alice');
  await ask(one, 'createRoom', {
    caller: alice,
    spec: { name: 'Live', category: 'All' },
    access: { members: [address('bob')], managers: [], presenters: [] },
  });
  await ask(one, 'sendPost', { caller: alice, room: 'Live', clientId: '0', body: 'before' });
  const bob = follow(two, 'bob', 'Live');
  const first = await bob.next(isJoined);
  expect(first.what).toMatchObject({
    value: {
      room: { room: { name: 'Live' }, roles: ['member'] },
      history: [{ body: 'before' }],
      rosterOff: false,
    },
  });
  for (let n = 1; n <= 20; n++)
    await ask(n % 2 ? one : two, 'sendPost', {
      caller: alice,
      room: 'Live',
      clientId: `${n}`,
      body: `post ${n}`,
    });
  await bob.next(() => bodies(bob.events).length >= 20);
  expect(bodies(bob.events)).toEqual(Array.from({ length: 20 }, (_, n) => `post ${n + 1}`));
  await ask(one, 'changeAccess', {
    caller: alice,
    room: 'Live',
    add: undefined,
    remove: { members: [address('bob')], managers: [], presenters: [] },
  });
  const end = await bob.next(({ what }) => what?.$case === 'ended');
  expect(end.what).toEqual({ $case: 'ended', value: 'removed' });
  await expect(
    ask(two, 'history', { caller: caller('bob'), room: 'Live', before: 0, after: 0 }),
  ).rejects.toMatchObject({
    code: status.PERMISSION_DENIED,
  });
});

test('an administrator who looks on is not announced as one who is there: it takes a user to follow', async () => {
  const watcher = follow(await clientOf('frontend'), 'alice', 'Talk');
  await watcher.next(isJoined);
  const refused = (await clientOf('admin')).join({ caller: undefined, room: 'Talk' });
  const error = await new Promise((resolve) => refused.on('error', resolve).on('data', resolve));
  expect(error).toMatchObject({
    code: status.PERMISSION_DENIED,
    details: expect.stringContaining('in the name of a user'),
  });
  const bob = follow(await clientOf('frontend'), 'bob', 'Talk');
  await bob.next(isJoined);
  const told = ({ what }: JoinEvent) => (what?.$case === 'events' ? what.value.events : []);
  const byOf = (text: string) => JSON.parse(text).by;
  await watcher.next((event) => told(event).some((text) => byOf(text) === address('bob')));
  expect(watcher.events.flatMap(told).map(byOf)).toEqual([address('bob')]);
  for (const { stream } of [watcher, bob]) stream.cancel();
});

test('who may not join gets the status, and who hangs up has left', async () => {
  const client = await clientOf('frontend');
  const refused = client.join({ caller: caller('carol'), room: 'Live' });
  const error = await new Promise((resolve) => refused.on('error', resolve).on('data', () => {}));
  expect(error).toMatchObject({ code: status.PERMISSION_DENIED });
  const alice = follow(client, 'alice', 'Live');
  await alice.next(isJoined);
  const watcher = follow(await clientOf('frontend', 1), 'alice', 'Talk');
  await watcher.next(isJoined);
  const bob = follow(client, 'bob', 'Talk');
  await bob.next(isJoined);
  bob.stream.cancel();
  const parted = await watcher.next(
    ({ what }) =>
      what?.$case === 'events' &&
      what.value.events.some(
        (text) => JSON.parse(text).kind === 'part' && JSON.parse(text).by === address('bob'),
      ),
  );
  expect(parted).toBeDefined();
  alice.stream.cancel();
  watcher.stream.cancel();
});
