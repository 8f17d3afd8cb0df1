import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ChatError } from '../../src/chat.ts';
import { createRoomRate } from '../../src/room-rate.ts';
import { createWebRig, type WebRig } from './rig.ts';
import { openStream, type StreamReader } from './stream-reader.ts';

const alice = 'alice@contoso.lab';
const bob = 'bob@contoso.lab';

let rig: WebRig;
let room: string;
const readers: StreamReader[] = [];

beforeEach(async () => {
  rig = await createWebRig({
    web: { streams: { heartbeatSeconds: 1, resumedPosts: 150, rooms: 3, perUser: 2 } },
  });
  ({ id: room } = rig.chat.addRoom('Lounge', [alice, bob]));
});
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  await rig.close();
});

async function follow(
  path: string,
  headers: Record<string, string> = {},
  name = 'alice',
): Promise<StreamReader> {
  const reader = await openStream(rig, path, {
    authorization: `Bearer ${await rig.token(name)}`,
    ...headers,
  });
  readers.push(reader);
  return reader;
}

const post = (body: string, where = room) =>
  rig.chat.post({ name: bob }, where, { clientId: crypto.randomUUID(), body });

test('A reader is told of the room, its last posts and who is there, and then of what happens', async () => {
  await post('before');
  const reader = await follow('/v1/rooms/Lounge/events');
  expect(reader.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
  expect(await reader.next()).toMatchObject({
    event: 'joined',
    id: `${room}/1`,
    data: { room: { id: room }, history: [{ body: 'before' }], roster: [{ name: alice }] },
  });
  await post('now\nwith a line');
  expect(await reader.next()).toEqual({
    event: 'post',
    id: `${room}/2`,
    data: {
      room,
      seq: 2,
      at: expect.any(String),
      by: bob,
      body: 'now\nwith a line',
      mentions: [],
      files: [],
      reactions: [],
    },
  });
});

test('What only compliance is to know is told to nobody', async () => {
  const reader = await follow(`/v1/rooms/${room}/events`);
  await reader.until('joined');
  rig.chat.happen(room, { kind: 'search', by: bob, query: 'salary' });
  rig.chat.happen(room, { kind: 'history-read', by: bob, from: 1, to: 9 });
  const file = { id: crypto.randomUUID(), name: 'not posted yet', bytes: 1, type: 'text/plain', sha256: '' };
  rig.chat.happen(room, { kind: 'upload', by: bob, file });
  rig.chat.happen(room, { kind: 'edit', by: bob, post: 1, body: 'new', before: { body: 'the old secret' } });
  expect(await reader.next()).toEqual({
    event: 'edit',
    id: `${room}/4`,
    data: { room, seq: 4, at: expect.any(String), by: bob, post: 1, body: 'new' },
  });
});

test('A reader is told when there is a roster again, and when there is none any more', async () => {
  const reader = await follow(`/v1/rooms/${room}/events`);
  await reader.until('joined');
  rig.chat.tellRoster(room, undefined);
  expect(await reader.next()).toMatchObject({ event: 'roster', data: { room } });
  const roster = [{ name: bob, since: '2026-01-01T00:00:00.000Z' }];
  rig.chat.tellRoster(room, roster);
  expect(await reader.next()).toMatchObject({ event: 'roster', data: { room, roster } });
});

test('Whoever comes back is given what was missed, once, and then what is new', async () => {
  const first = await follow(`/v1/rooms/${room}/events`);
  await first.until('joined');
  await post('one');
  await first.until('post');
  first.close();
  await vi.waitFor(() => expect(rig.chat.sessions(room)).toBe(0), { timeout: 10_000 });
  for (let i = 0; i < 120; i++) await post(`missed ${i}`);

  const again = await follow(`/v1/rooms/${room}/events`, { 'last-event-id': first.lastId() });
  const joined = await again.next();
  expect(joined).toMatchObject({ event: 'joined', id: `${room}/1` });
  expect(joined?.data.history).toBeUndefined();
  await post('new');
  for (let i = 0; i < 120; i++)
    expect(await again.next()).toMatchObject({
      event: 'post',
      id: `${room}/${i + 2}`,
      data: { body: `missed ${i}` },
    });
  expect(await again.next()).toMatchObject({ event: 'post', id: `${room}/122`, data: { body: 'new' } });
});

test('Who missed more than is given again, or what is not kept, is told of the gap', async () => {
  for (let i = 0; i < 200; i++) await post(`missed ${i}`);
  const reader = await follow(`/v1/rooms/${room}/events`, { 'last-event-id': `${room}/10` });
  await reader.until('joined');
  for (let seq = 11; seq <= 160; seq++) expect(await reader.next()).toMatchObject({ id: `${room}/${seq}` });
  expect(await reader.next()).toMatchObject({
    event: 'gap',
    data: { room, after: 160, until: 200, kept: true },
  });

  rig.chat.fail('history', new ChatError('forbidden', 'no history here'));
  const other = await follow(`/v1/rooms/${room}/events`, { 'last-event-id': `${room}/10` });
  await other.until('joined');
  expect(await other.next()).toMatchObject({ event: 'gap', data: { after: 10, until: 200 } });
});

test('Who missed something in a room without history is told that it cannot be had', async () => {
  const { id: fleeting } = rig.chat.addRoom('Fleeting', [alice, bob], false);
  for (let i = 0; i < 3; i++) await post(`said ${i}`, fleeting);
  const reader = await follow(`/v1/rooms/${fleeting}/events`, { 'last-event-id': `${fleeting}/1` });
  const joined = await reader.until('joined');
  expect(joined.data.room.chatHistory).toBe(false);
  expect(await reader.next()).toMatchObject({
    event: 'gap',
    data: { room: fleeting, after: 1, until: 3, kept: false },
  });
  await post('heard', fleeting);
  expect(await reader.next()).toMatchObject({ event: 'post', data: { body: 'heard' } });
  // Who has missed nothing is told of none.
  const again = await follow(`/v1/rooms/${fleeting}/events`, { 'last-event-id': reader.lastId() });
  await again.until('joined');
  await post('and more', fleeting);
  expect(await again.next()).toMatchObject({ event: 'post', data: { body: 'and more' } });
});

test('A number that was never given is the present', async () => {
  await post('one');
  const reader = await follow(`/v1/rooms/${room}/events`, { 'last-event-id': `${room}/999` });
  await reader.until('joined');
  await post('two');
  expect(await reader.next()).toMatchObject({ event: 'post', id: `${room}/2` });
});

test('One id is enough to come back to several rooms', async () => {
  const { id: other } = rig.chat.addRoom('Other', [alice, bob]);
  const first = await follow(`/v1/events?room=${room}&room=Other`);
  await first.until('joined');
  await first.until('joined');
  await post('here 1');
  await post('there 1', other);
  await post('here 2');
  for (let i = 0; i < 3; i++) await first.until('post');
  first.close();
  await vi.waitFor(() => expect(rig.chat.sessions(other)).toBe(0), { timeout: 10_000 });
  await post('there 2', other);
  await post('here 3');

  const again = await follow(`/v1/events?room=Other&room=${room}`, { 'last-event-id': first.lastId() });
  const told = [await again.until('post'), await again.until('post')].map(({ data }) => data.body);
  expect(told.sort()).toEqual(['here 3', 'there 2']);
});

test('Nothing begins where one of the rooms is not for the caller', async () => {
  rig.chat.addRoom('Secret', [bob]);
  const reader = await follow(`/v1/events?room=${room}&room=Secret`);
  expect(reader.status).toBe(403);
  expect(rig.chat.sessions(room)).toBe(0);
  expect((await follow(`/v1/events?room=nowhere`)).status).toBe(404);
  expect((await follow('/v1/events?room=a&room=b&room=c&room=d')).status).toBe(400);
  expect((await follow('/v1/events?room=')).status).toBe(400);
});

test('Who is removed is told so, and the stream ends with its last room', async () => {
  const { id: other } = rig.chat.addRoom('Other', [alice]);
  const reader = await follow(`/v1/events?room=${room}&room=${other}`);
  await reader.until('joined');
  await reader.until('joined');
  rig.chat.evict(room, alice, 'removed');
  expect(await reader.next()).toMatchObject({ event: 'ended', data: { room, why: 'removed' } });
  rig.chat.happen(other, { kind: 'join', by: bob });
  expect(await reader.next()).toMatchObject({ event: 'join', data: { room: other, by: bob } });
  rig.chat.evict(other, alice, 'disabled');
  expect(await reader.next()).toMatchObject({ event: 'ended', data: { room: other, why: 'disabled' } });
  expect(await reader.next()).toBeUndefined();
});

test('The same room by its name and its id is one', async () => {
  const reader = await follow(`/v1/events?room=${room}&room=Lounge`);
  await reader.until('joined');
  expect(rig.chat.sessions(room)).toBe(1);
});

test('A user has a few streams only, and the place of one that ended is free', async () => {
  const first = await follow(`/v1/rooms/${room}/events`);
  await follow(`/v1/rooms/${room}/events`);
  expect((await follow(`/v1/rooms/${room}/events`)).status).toBe(429);
  expect((await follow(`/v1/rooms/${room}/events`, {}, 'bob')).status).toBe(200);
  first.close();
  await vi.waitFor(async () => expect((await follow(`/v1/rooms/${room}/events`)).status).toBe(200), {
    timeout: 10_000,
  });
});

test('A heart beats while nothing happens, and who may not come in any more is out', async () => {
  const reader = await follow(`/v1/rooms/${room}/events`);
  await reader.until('joined');
  const next = reader.next();
  await vi.waitFor(() => expect(reader.comments()).toBeGreaterThan(0), { timeout: 10_000 });
  rig.users.delete('alice');
  expect(await next).toMatchObject({ event: 'ended', data: { why: 'not-allowed' } });
  expect(await reader.next()).toBeUndefined();
  await vi.waitFor(() => expect(rig.chat.sessions(room)).toBe(0), { timeout: 10_000 });
});

test('A reader that does not read is ended; the others are not, and it may come back', async () => {
  const slow = await follow(`/v1/rooms/${room}/events`);
  const quick = await follow(`/v1/rooms/${room}/events`, {}, 'bob');
  await slow.until('joined');
  await quick.until('joined');
  const position = slow.lastId();
  slow.response.pause();
  const body = 'x'.repeat(8000);
  let posted = 0;
  // More than the buffers of two kernels, TLS and this process hold.
  while (rig.chat.sessions(room) === 2 && posted < 10_000) {
    await post(body);
    posted++;
    expect(await quick.next()).toMatchObject({ event: 'post' });
  }
  expect(rig.chat.sessions(room)).toBe(1);
  const back = await follow(`/v1/rooms/${room}/events`, { 'last-event-id': position });
  expect(await back.until('post')).toMatchObject({ id: `${room}/1` });
  const metric = await rig.metrics.getSingleMetric('linchpin_chat_web_streams_ended_total')?.get();
  expect(metric?.values).toMatchObject([{ labels: { why: 'slow' }, value: 1 }]);
});

/** Posts until nobody is in the room any more; not less than what kernels, TLS and this process hold. */
async function postUntilAlone(most: number): Promise<number> {
  const body = 'x'.repeat(8000);
  let posted = 0;
  while (rig.chat.sessions(room) > 0 && posted < most) {
    await post(body);
    posted++;
    await new Promise(setImmediate);
  }
  expect(rig.chat.sessions(room)).toBe(0);
  return posted;
}

test('What waits for a reader that is still given what it missed is not more than it may leave unread', async () => {
  await post('missed');
  const given = Promise.withResolvers<void>();
  rig.chat.hold('history', given.promise);
  const slow = await follow(`/v1/rooms/${room}/events`, { 'last-event-id': `${room}/0` });
  await slow.until('joined');
  const posted = await postUntilAlone(1000);
  expect(posted).toBeLessThan(200);
  given.resolve();
  const back = await follow(`/v1/rooms/${room}/events`, { 'last-event-id': slow.lastId() });
  expect(await back.until('post')).toMatchObject({ id: `${room}/1`, data: { body: 'missed' } });
  for (let seq = 2; seq <= Math.min(posted + 1, 150); seq++)
    expect(await back.next()).toMatchObject({ id: `${room}/${seq}` });
});

test('A reader that does not read is ended also while it is given what it missed elsewhere', async () => {
  const { id: other } = rig.chat.addRoom('Other', [alice, bob]);
  await post('missed', other);
  const given = Promise.withResolvers<void>();
  rig.chat.hold('history', given.promise);
  const path = `/v1/events?room=${room}&room=${other}`;
  const slow = await follow(path, { 'last-event-id': `${other}/0` });
  await slow.until('joined');
  await slow.until('joined');
  slow.response.pause();
  await postUntilAlone(10_000);
  given.resolve();
  const metric = await rig.metrics.getSingleMetric('linchpin_chat_web_streams_ended_total')?.get();
  expect(metric?.values).toMatchObject([{ labels: { why: 'slow' }, value: 1 }]);
});

test('The last posts of many rooms are not all kept for one reader: those without a place are read again', async () => {
  await rig.close();
  rig = await createWebRig({ web: { streams: { bufferedBytes: 80_000 } } });
  const rooms = ['One', 'Two', 'Three'].map((name) => rig.chat.addRoom(name, [alice, bob]).id);
  for (const where of rooms) for (let i = 0; i < 10; i++) await post('x'.repeat(1500), where);
  const reader = await follow(`/v1/events?${rooms.map((id) => `room=${id}`).join('&')}`);
  for (const where of rooms) {
    const { data } = await reader.until('joined');
    expect(data.room.id).toBe(where);
    expect(data.history).toHaveLength(10);
  }
  expect(rig.chat.asked.filter(({ name }) => name === 'history')).toHaveLength(1);
  for (const where of rooms) {
    await post('new', where);
    expect(await reader.next()).toMatchObject({ event: 'post', data: { room: where, body: 'new' } });
  }
});

test('What is kept of many rooms leaves place for what happens meanwhile', async () => {
  await rig.close();
  rig = await createWebRig({ web: { streams: { bufferedBytes: 40_000 } } });
  const first = rig.chat.addRoom('First', [alice, bob]).id;
  const second = rig.chat.addRoom('Second', [alice, bob]).id;
  for (let i = 0; i < 20; i++) await post('x'.repeat(1500), second);
  await post('missed', first);
  const given = Promise.withResolvers<void>();
  rig.chat.hold('history', given.promise);
  const reader = await follow(`/v1/events?room=${first}&room=${second}`, { 'last-event-id': `${first}/0` });
  await reader.until('joined');
  for (let i = 0; i < 10; i++) await post('y'.repeat(1500), second);
  given.resolve();
  expect(await reader.until('post')).toMatchObject({ data: { room: first, body: 'missed' } });
  expect((await reader.until('joined')).data.history).toHaveLength(20);
  for (let i = 0; i < 10; i++) expect(await reader.next()).toMatchObject({ event: 'post' });
});

test('A stream takes what all its rooms cost, or nothing, and enters none of them then', async () => {
  await rig.close();
  rig = await createWebRig({ takeRooms: createRoomRate({ perSecond: 0.001, burst: 3 }) });
  const rooms = ['One', 'Two', 'Three', 'Four'].map((name) => rig.chat.addRoom(name, [alice]).id);
  const path = (count: number) =>
    `/v1/events?${rooms
      .slice(0, count)
      .map((id) => `room=${id}`)
      .join('&')}`;
  expect((await rig.as('alice', path(4))).status).toBe(429);
  expect(rig.chat.asked.filter(({ name }) => name === 'join')).toEqual([]);
  const reader = await follow(path(3));
  for (let i = 0; i < 3; i++) await reader.until('joined');
  expect((await rig.as('alice', path(1))).status).toBe(429);
});

test('A pod that drains ends its streams, each with a word, and takes no new ones', async () => {
  const reader = await follow(`/v1/rooms/${room}/events`);
  await reader.until('joined');
  await rig.web.drain({ limitMs: 3000, signal: AbortSignal.timeout(3000) } as never);
  expect(await reader.next()).toMatchObject({ event: 'ended', data: { why: 'draining' } });
  expect(rig.chat.sessions(room)).toBe(0);
  await expect(rig.ask('/v1/openapi.json')).rejects.toThrow('ECONNREFUSED');
});
