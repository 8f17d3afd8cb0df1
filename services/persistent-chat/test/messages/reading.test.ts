// History, search, and what somebody has not read yet.
import { randomUUID } from 'node:crypto';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Pod, Pods } from '../pods.ts';
import { admin, alice, bob, caller, carol, createTwoPods, people, saying, type TwoPods } from './rig.ts';

let rig: TwoPods;
let pods: Pods;
let one: Pod;
let two: Pod;

beforeAll(async () => {
  rig = await createTwoPods();
  ({ pods, one, two } = rig);
});
afterAll(() => rig.close());

test('history is read by number', async () => {
  const room = await pods.room('history', people);
  for (let turn = 1; turn <= 9; turn++) await one.messages.post(alice, room, saying(`${turn}`));
  const read = async (query: object) =>
    (await two.messages.history(bob, room, query)).map(({ body }) => Number(body));
  expect(await read({ limit: 3 })).toEqual([7, 8, 9]);
  expect(await read({ before: 7, limit: 3 })).toEqual([4, 5, 6]);
  expect(await read({ after: 2, limit: 3 })).toEqual([3, 4, 5]);
  expect(await read({ after: 2, before: 4 })).toEqual([3]);
  await expect(one.messages.history(caller('dora'), room, {})).rejects.toMatchObject({ code: 'forbidden' });
  const quiet = await pods.room('no history', people, { chatHistory: false });
  await one.messages.post(alice, quiet, saying('gone with the wind'));
  expect(await one.messages.history(bob, quiet, {})).toEqual([]);
  expect(await one.messages.history(admin, quiet, {})).toHaveLength(1);
});

test('search finds what the caller may read, and nothing else', async () => {
  const word = 'zyzzyva';
  const [mine, others, open, silent] = await Promise.all([
    pods.room('search mine', people),
    pods.room('search others', ['dora@contoso.lab']),
    pods.room('search open', [], { privacy: 'open' }),
    pods.room('search silent', people, { chatHistory: false }),
  ]);
  await one.messages.post(alice, mine, saying(`a ${word} in mine`));
  await one.messages.post(bob, mine, saying(`another ${word} of bob @alice`));
  await one.messages.post(caller('dora'), others, saying(`${word} of others`));
  await one.messages.post(caller('dora'), open, saying(`${word} in the open`));
  await one.messages.post(alice, silent, saying(`${word} unkept`));
  const bodies = async (query: object, who = alice) =>
    (await two.messages.search(who, { text: word, ...query })).map(({ body }) => body);
  expect(await bodies({})).toEqual([
    `${word} in the open`,
    `another ${word} of bob @alice`,
    `a ${word} in mine`,
  ]);
  expect(await bodies({ text: `${word} mine` })).toEqual([`a ${word} in mine`]);
  expect(await bodies({ author: bob.name })).toEqual([`another ${word} of bob @alice`]);
  expect(await bodies({ mentionsMe: true })).toEqual([`another ${word} of bob @alice`]);
  expect(await bodies({ rooms: [open] })).toEqual([`${word} in the open`]);
  expect(await bodies({ limit: 1 })).toHaveLength(1);
  expect(await bodies({ from: '2099-01-01T00:00:00Z' })).toEqual([]);
  expect(await bodies({}, admin)).toHaveLength(5);
  await expect(one.messages.search(alice, { rooms: [others] })).rejects.toMatchObject({ code: 'forbidden' });
  await expect(one.messages.search(alice, { from: 'yesterday' })).rejects.toMatchObject({ code: 'invalid' });
});

test('unread posts and mentions are counted from the read mark, which never goes back', async () => {
  const room = await pods.room('unread', people);
  for (const body of ['1', '2 @bob', '3', '4 @bob']) await one.messages.post(alice, room, saying(body));
  await one.messages.post(bob, room, saying('mine'));
  const unread = async () => (await two.messages.unread(bob)).filter((each) => each.room === room);
  expect(await unread()).toEqual([{ room, unread: 4, mentions: 2 }]);
  await one.messages.markRead(bob, room, 3);
  expect(await unread()).toEqual([{ room, unread: 1, mentions: 1 }]);
  await one.messages.markRead(bob, room, 1);
  expect(await unread()).toEqual([{ room, unread: 1, mentions: 1 }]);
  await one.messages.markRead(bob, room, 1_000_000);
  expect(await unread()).toEqual([]);
  await one.messages.post(alice, room, saying('after all that was marked'));
  expect(await unread()).toMatchObject([{ unread: 1 }]);
});

test('a few searches at a time leave connections to everybody else', async () => {
  const room = await pods.room('costly', people);
  await one.messages.post(alice, room, saying('needle'));
  const holder = await two.pool.connect();
  let searches: Promise<PromiseSettledResult<unknown>[]>;
  try {
    await holder.query('BEGIN; LOCK TABLE posts IN ACCESS EXCLUSIVE MODE');
    searches = Promise.allSettled(
      Array.from({ length: 30 }, () => one.messages.search(bob, { text: 'needle', rooms: [room] })),
    );
    const waiting = `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE application_name = 'one' AND wait_event_type = 'Lock'`;
    await vi.waitFor(async () => expect((await pods.sql(waiting))[0].n).toBe(2), { timeout: 10_000 });
    for (let turn = 0; turn < 20; turn++)
      expect(await one.database.use(async () => (await pods.sql(waiting))[0].n)).toBe(2);
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
  const all = await searches;
  const refused = all.filter(({ status }) => status === 'rejected');
  // Two at work, twenty who wait.
  expect(refused).toHaveLength(8);
  for (const each of refused)
    expect(each).toMatchObject({
      reason: { code: 'limit', message: 'too many searches at this moment: try again' },
    });
});

test('what is told of a search in each of its rooms does not name all of them', async () => {
  const rooms = await Promise.all(Array.from({ length: 20 }, (_, n) => pods.room(`told ${n}`, people)));
  const told: ChatEvent[] = [];
  const off = one.journal.onEvents((_, events) => void told.push(...events));
  await one.messages.search(alice, { text: 'nothing of this', rooms, limit: 5 });
  off();
  expect(told.map(({ kind, scope }) => [kind, scope]).sort()).toEqual(
    rooms.map((room) => ['search', room]).sort(),
  );
  for (const event of told)
    expect(event).toMatchObject({ query: JSON.stringify({ text: 'nothing of this', limit: 5 }) });
});

test('each room that somebody has searched or joins costs a token', async () => {
  const room = await pods.room('tokens', people);
  const rooms = Array.from({ length: 100 }, () => room);
  const all = await Promise.allSettled(
    Array.from({ length: 12 }, () => one.messages.search(carol, { text: 'x', rooms })),
  );
  expect(all.map(({ status }) => status)).toEqual([
    ...Array.from({ length: 10 }, () => 'fulfilled'),
    ...['rejected', 'rejected'],
  ]);
  expect(all[11]).toMatchObject({ reason: { code: 'limit', retryAfter: 5 } });
  const listener = { onEvents() {}, onEnded() {} };
  const joins = await Promise.allSettled(
    Array.from({ length: 1_100 }, () => one.sessions.join(carol, randomUUID(), listener)),
  );
  const codes = new Set(joins.map((each) => (each as PromiseRejectedResult).reason.code));
  expect(codes).toContain('limit');
  await expect(one.messages.search(bob, { rooms: Array(101).fill(room) })).rejects.toMatchObject({
    code: 'invalid',
  });
});

test('of more read marks than rooms that somebody may be in the oldest are forgotten', async () => {
  const rooms = await Promise.all(['a', 'b', 'c', 'd'].map((name) => pods.room(`marks ${name}`, people)));
  const marked = async () =>
    (await pods.sql('SELECT room FROM read_marks WHERE member = $1', ['rita@contoso.lab']))
      .map(({ room }) => room)
      .sort();
  const rita = caller('rita');
  for (const room of rooms) {
    await pods.sql("INSERT INTO room_access (room, principal, role) VALUES ($1, $2, 'member')", [
      room,
      rita.name,
    ]);
    await one.messages.post(alice, room, saying('1'));
    await one.messages.post(alice, room, saying('2'));
  }
  pods.limits.maxRoomsPerUser = 3;
  try {
    const [a, b, c, d] = rooms as [string, string, string, string];
    for (const room of [a, b, c]) await one.messages.markRead(rita, room, 1);
    // The first one was read last.
    await one.messages.markRead(rita, a, 2);
    await one.messages.markRead(rita, d, 1);
    expect(await marked()).toEqual([a, c, d].sort());
  } finally {
    pods.limits.maxRoomsPerUser = 10_000;
  }
});

test('rooms with unread posts come in pages, by their ids', async () => {
  const rooms = await Promise.all(
    ['a', 'b', 'c'].map((name) => pods.room(`pages ${name}`, ['uma@contoso.lab'])),
  );
  for (const room of rooms) await one.messages.post(caller('uma'), room, saying('x'));
  const reader = caller('una');
  for (const room of rooms)
    await pods.sql("INSERT INTO room_access (room, principal, role) VALUES ($1, $2, 'member')", [
      room,
      reader.name,
    ]);
  const sorted = [...rooms].sort();
  const page = async (query: object) => (await one.messages.unread(reader, query)).map(({ room }) => room);
  expect(await page({})).toEqual(sorted);
  expect(await page({ limit: 2 })).toEqual(sorted.slice(0, 2));
  expect(await page({ limit: 2, after: sorted[1] })).toEqual(sorted.slice(2));
  // One that may not be read any more leaves no hole in the pages.
  await pods.sql('UPDATE rooms SET disabled = true, access_version = access_version + 1 WHERE id = $1', [
    sorted[0],
  ]);
  expect(await page({ limit: 1 })).toEqual([sorted[1]]);
  await expect(page({ after: 'x' })).rejects.toMatchObject({ code: 'invalid' });
});
