import { promisify } from 'node:util';
import { type ClientReadableStream, Metadata, status } from '@grpc/grpc-js';
import { createRpcClient } from '@linchpin/host';
import {
  type Category,
  ChatClient,
  type FindRoomsReply,
  type HistoryReply,
  type JoinEvent,
  type Post,
  type PurgeReply,
  type Room,
  type RoomReply,
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
