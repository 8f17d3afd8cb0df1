// In which order posts are stored, once each, and in which room.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../src/chat.ts';
import { insertPending } from '../../src/files/store.ts';
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

test('posts of many people through two pods are stored in one order, without a gap', async () => {
  const rooms = await Promise.all(
    ['a', 'b', 'c', 'd', 'e'].map((name) => pods.room(`order ${name}`, people)),
  );
  const posted = await Promise.all(
    Array.from({ length: 600 }, (_, turn) => {
      const pod = turn % 2 ? one : two;
      const who = [alice, bob, carol][turn % 3] as Caller;
      return pod.messages.post(who, rooms[turn % rooms.length] as string, saying(`post ${turn}`));
    }),
  );
  for (const room of rooms) {
    const here = posted.filter((post) => post.room === room).sort((a, b) => a.seq - b.seq);
    expect(here.map(({ seq }) => seq)).toEqual(Array.from({ length: 120 }, (_, at) => at + 1));
    const read = await one.messages.history(alice, room, { after: 0, limit: 500 });
    expect(read).toEqual(here);
  }
});

test("one person's posts are in the order of the calls, also where one takes longer to be looked into", async () => {
  const room = await pods.room('own order', people);
  await Promise.all(
    Array.from({ length: 50 }, (_, turn) =>
      one.messages.post(alice, room, saying(turn % 3 ? `${turn}` : `${turn} @carol @bob`)),
    ),
  );
  const read = await two.messages.history(bob, room, {});
  expect(read.map(({ body }) => Number.parseInt(body, 10))).toEqual(
    Array.from({ length: 50 }, (_, at) => at),
  );
});

test('the same post through both pods at the same time, and twice in one batch, is stored once', async () => {
  const room = await pods.room('once', people);
  for (let turn = 0; turn < 20; turn++) {
    const posting = saying(`once ${turn}`, { clientId: `c${turn}` });
    const answers = await Promise.all(
      [one, two, one, two, one].map((pod) => pod.messages.post(alice, room, posting)),
    );
    expect(new Set(answers.map(({ seq }) => seq)).size).toBe(1);
    expect(answers).toEqual(answers.map(() => answers[0]));
  }
  // The id is one of its author's.
  await one.messages.post(bob, room, saying('mine', { clientId: 'c1' }));
  const [{ posts, last }] = await pods.sql(
    'SELECT count(*)::int AS posts, max(seq)::int AS last FROM posts WHERE room = $1',
    [room],
  );
  expect([posts, last]).toEqual([21, 21]);
});

test('what is wrong with one post costs the others of its batch nothing', async () => {
  const room = await pods.room('one is wrong', people);
  const all = await Promise.allSettled([
    one.messages.post(alice, room, saying('good')),
    one.messages.post(alice, room, saying('no such thread', { thread: 99 })),
    one.messages.post(caller('dora'), room, saying('not a member')),
    one.messages.post(bob, room, saying('good too')),
    one.messages.post(caller('stranger'), room, saying('nobody')),
    one.messages.post(bob, randomUUID(), saying('no room')),
  ]);
  expect(all.map((each) => (each.status === 'fulfilled' ? each.value.seq : each.reason.code))).toEqual([
    ...[1, 'invalid', 'forbidden', 2, 'forbidden', 'not-found'],
  ]);
});

test('a room that somebody keeps locked is refused, and stops no other', async () => {
  const [kept, ...others] = await Promise.all(
    Array.from({ length: 9 }, (_, n) => pods.room(`locks ${n}`, people)),
  );
  const holder = await two.pool.connect();
  try {
    await holder.query('BEGIN');
    await two.journal.lockRooms(holder, [kept as string]);
    // As many rooms as there are lanes, and more: some share one with the room that is locked.
    const all = await Promise.allSettled(
      [kept, ...others].map((room) => one.messages.post(alice, room as string, saying('x'))),
    );
    expect(all[0]).toMatchObject({ status: 'rejected', reason: { code: 'unavailable', retryAfter: 2 } });
    expect(all.slice(1).map(({ status }) => status)).toEqual(others.map(() => 'fulfilled'));
    const again = await Promise.allSettled(
      [kept, ...others].map((room) => one.messages.post(bob, room as string, saying('y'))),
    );
    expect(again.map(({ status }) => status)).toEqual(['rejected', ...others.map(() => 'fulfilled')]);
    await expect(one.messages.react(alice, kept as string, 1, '👍', true)).rejects.toMatchObject({
      code: 'unavailable',
    });
    await expect(one.messages.purge(admin, kept as string, { why: 'locked' })).rejects.toMatchObject({
      code: 'unavailable',
    });
    // What only names the room does not wait for it, and keeps no connection.
    await Promise.all([alice, bob, carol].map((who) => one.messages.markRead(who, kept as string, 1)));
    const file = { id: randomUUID(), room: kept as string, sha256: '00'.repeat(32), bytes: 1 };
    await one.database.transaction((client) =>
      insertPending(client, { ...file, name: 'a.txt', type: 'text/plain', by: alice.name }),
    );
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
  expect((await one.messages.post(alice, kept as string, saying('free again'))).seq).toBe(1);
});

/** As the owner of rooms does it on another pod. */
const rename = (room: string, name: string) =>
  pods.sql('UPDATE rooms SET name = $2, access_version = access_version + 1 WHERE id = $1', [room, name]);

test('a post by name is in the room that is called so when it is stored, whatever this pod remembers', async () => {
  const [old, heir] = [await pods.room('throne', people), await pods.room('heir', people)];
  expect((await one.messages.post(alice, 'Throne', saying('long live'))).room).toBe(old);
  await rename(old, 'exile');
  await rename(heir, 'throne');
  const [first, second] = await Promise.all([
    one.messages.post(alice, 'throne', saying('first')),
    one.messages.post(alice, 'throne', saying('second')),
  ]);
  expect([first?.room, second?.room]).toEqual([heir, heir]);
  expect(second?.seq).toBe((first?.seq ?? 0) + 1);
  expect((await one.messages.history(alice, old, {})).map(({ body }) => body)).toEqual(['long live']);
  expect((await one.messages.post(alice, heir, saying('by id'))).room).toBe(heir);
  await rename(heir, 'empty chair');
  await expect(one.messages.post(alice, 'throne', saying('for nobody'))).rejects.toMatchObject({
    code: 'not-found',
  });
});

test('every post that was acknowledged is there when the pool is closed in the midst of it, and none twice', async () => {
  const room = await pods.room('killed', people);
  const dying = await pods.start('dying');
  const postings = Array.from({ length: 400 }, (_, turn) => saying(`${turn}`, { clientId: `k${turn}` }));
  const acknowledged = new Map<string, number>();
  const posting = postings.map((each) =>
    dying.messages.post(alice, room, each).then(
      ({ seq }) => acknowledged.set(each.clientId, seq),
      (error) => expect(error.code).toBe('unavailable'),
    ),
  );
  await Promise.race(posting);
  const ended = await pods.sql(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dying'",
  );
  expect(ended).not.toEqual([]);
  await Promise.all(posting);
  await dying.stop();
  // The client asks again, at another pod.
  const again = await Promise.all(postings.map((each) => two.messages.post(alice, room, each)));
  for (const [clientId, seq] of acknowledged)
    expect(again[postings.findIndex((each) => each.clientId === clientId)]?.seq).toBe(seq);
  const numbers = again.map(({ seq }) => seq).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: 400 }, (_, at) => at + 1));
});
