import { randomUUID } from 'node:crypto';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Caller, Posting } from '../src/chat.ts';
import { insertPending } from '../src/files/store.ts';
import { createRetention } from '../src/messages/retention.ts';
import { createPods, type Pod, type Pods } from './pods.ts';

let pods: Pods;
let one: Pod;
let two: Pod;

beforeAll(async () => {
  pods = await createPods();
  [one, two] = await Promise.all([pods.start('one'), pods.start('two')]);
});
afterAll(async () => {
  await pods.close();
  expect(pods.errors()).toEqual([]);
});

const caller = (name: string): Caller => ({ name: `${name}@contoso.lab` });
const [alice, bob, carol] = ['alice', 'bob', 'carol'].map(caller) as [Caller, Caller, Caller];
const admin: Caller = { name: 'root', admin: true };
const people = [alice, bob, carol].map(({ name }) => name);
const saying = (body: string, change: Partial<Posting> = {}): Posting => ({
  clientId: randomUUID(),
  body,
  ...change,
});

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

test('a member who is removed posts no more, whatever this pod remembers', async () => {
  const room = await pods.room('removal', people);
  await one.messages.post(bob, room, saying('still here'));
  let removed = false;
  let stop = false;
  const after: string[] = [];
  const poster = async (pod: Pod) => {
    for (let turn = 0; !stop; turn++) {
      const late = removed;
      await pod.messages.post(bob, room, saying(`turn ${turn}`)).then(
        () => late && after.push(`turn ${turn}`),
        (error) => expect(error.code).toBe('forbidden'),
      );
    }
  };
  const posters = [poster(one), poster(two)];
  for (let turn = 0; turn < 20; turn++) await one.messages.post(alice, room, saying('alice'));
  await pods.removeMember(two, room, bob.name);
  removed = true;
  for (let turn = 0; turn < 20; turn++) await one.messages.post(alice, room, saying('alice'));
  stop = true;
  await Promise.all(posters);
  expect(after).toEqual([]);
  // Not one of his is behind the event that removed him.
  const events = await pods.sql(
    `SELECT count(*)::int AS late FROM posts WHERE room = $1 AND author = $2 AND seq >
     (SELECT missing FROM generate_series(1, (SELECT max(seq) FROM posts WHERE room = $1)) AS missing
      WHERE NOT EXISTS (SELECT 1 FROM posts WHERE room = $1 AND seq = missing))`,
    [room, bob.name],
  );
  expect(events[0].late).toBe(0);
});

test('threads have one root; mentions are of those who can read them', async () => {
  const room = await pods.room('threads', people);
  const root = await one.messages.post(alice, room, saying('root @bob, @dora and @stranger'));
  expect(root.mentions).toEqual([bob.name]);
  const answer = await two.messages.post(bob, room, saying('answer', { thread: root.seq }));
  const second = await one.messages.post(carol, room, saying('to the answer', { thread: answer.seq }));
  expect([root.thread, answer.thread, second.thread]).toEqual([undefined, root.seq, root.seq]);
});

test('what a post said before is kept when it is edited or deleted', async () => {
  const room = await pods.room('versions', people, { managers: ['mia@contoso.lab'] });
  const { seq } = await one.messages.post(alice, room, saying('first', { subject: 'news' }));
  await expect(one.messages.edit(bob, room, seq, { body: 'mine' })).rejects.toMatchObject({
    code: 'forbidden',
  });
  const edited = await two.messages.edit(alice, room, seq, { body: 'second @bob' });
  expect(edited).toMatchObject({ seq, subject: 'news', body: 'second @bob', mentions: [bob.name] });
  expect((await one.messages.history(bob, room, {}))[0]).toEqual(edited);
  await expect(one.messages.deletePost(bob, room, seq)).rejects.toMatchObject({ code: 'forbidden' });
  await one.messages.deletePost(caller('mia'), room, seq);
  await one.messages.deletePost(alice, room, seq);
  expect((await one.messages.history(bob, room, {}))[0]).toMatchObject({
    seq,
    body: '',
    deletedAt: expect.any(String),
  });
  await expect(one.messages.edit(alice, room, seq, { body: 'again' })).rejects.toMatchObject({
    code: 'not-found',
  });
  const versions = await pods.sql(
    'SELECT version, subject, body, changed_by, event_seq::int FROM post_versions WHERE room = $1 ORDER BY version',
    [room],
  );
  expect(versions).toEqual([
    { version: 1, subject: 'news', body: 'first', changed_by: alice.name, event_seq: 2 },
    { version: 2, subject: 'news', body: 'second @bob', changed_by: 'mia@contoso.lab', event_seq: 4 },
  ]);
});

test('reactions are set and taken back once', async () => {
  const room = await pods.room('reactions', people);
  const { seq } = await one.messages.post(alice, room, saying('react'));
  for (const who of [alice, bob, bob]) await one.messages.react(who, room, seq, '👍', true);
  await two.messages.react(carol, room, seq, '🎉', true);
  await two.messages.react(carol, room, seq, '🎉', false);
  await two.messages.react(carol, room, seq, '🎉', false);
  const [post] = await two.messages.history(carol, room, {});
  expect(post?.reactions).toEqual([{ reaction: '👍', by: [alice.name, bob.name] }]);
  expect(await pods.sql('SELECT last_seq::int FROM rooms WHERE id = $1', [room])).toMatchObject([
    { last_seq: 6 },
  ]);
  await expect(one.messages.react(caller('dora'), room, seq, '👍', true)).rejects.toMatchObject({
    code: 'forbidden',
  });
});

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

test('a purge takes what fits, and nothing under a legal hold', async () => {
  const room = await pods.room('purge', people);
  for (let turn = 1; turn <= 6; turn++)
    await one.messages.post(turn % 2 ? alice : bob, room, saying(`${turn}`));
  await one.messages.edit(bob, room, 2, { body: 'two' });
  await expect(one.messages.purge(alice, room, { why: 'no' })).rejects.toMatchObject({ code: 'forbidden' });
  await expect(one.messages.purge(admin, room, { why: ' ' })).rejects.toMatchObject({ code: 'invalid' });
  await pods.sql('UPDATE rooms SET legal_hold = true WHERE id = $1', [room]);
  expect(await one.messages.purge(admin, room, { why: 'held' })).toBe(0);
  await pods.sql('UPDATE rooms SET legal_hold = false WHERE id = $1', [room]);
  expect(await one.messages.purge(admin, room, { author: bob.name, seqs: [1, 2], why: 'by author' })).toBe(1);
  expect(await pods.sql('SELECT 1 FROM post_versions WHERE room = $1', [room])).toEqual([]);
  expect(await one.messages.purge(admin, room, { before: '2000-01-01T00:00:00Z', why: 'old' })).toBe(0);
  expect(await one.messages.purge(admin, room, { why: 'all' })).toBe(5);
  expect(await one.messages.history(alice, room, {})).toEqual([]);
  const next = await one.messages.post(alice, room, saying('numbers go on'));
  expect(next.seq).toBe(10);
});

test('a category keeps posts for as many days as it says, and longer under a legal hold', async () => {
  const [kept, held] = await Promise.all(
    ['kept for a week', 'held'].map((name) => pods.room(name, people, { retentionDays: 7 })),
  );
  const rooms = [kept, held] as [string, string];
  for (const room of rooms)
    for (const body of ['old', 'new']) await one.messages.post(alice, room, saying(body));
  await pods.sql("UPDATE posts SET at = now() - interval '8 days' WHERE room = ANY($1) AND seq = 1", [rooms]);
  await pods.sql('UPDATE rooms SET legal_hold = true WHERE id = $1', [held]);
  const retention = createRetention({ ...one, log: pino({ level: 'silent' }) });
  expect(await retention.look()).toBe(1);
  expect(await retention.look()).toBe(0);
  const left = await pods.sql('SELECT room, body FROM posts WHERE room = ANY($1) ORDER BY room = $2, seq', [
    rooms,
    held,
  ]);
  expect(left.map(({ body }) => body)).toEqual(['new', 'old', 'new']);
});

test('limits are those of the configuration', async () => {
  const room = await pods.room('limits', people);
  const eve = caller('alice');
  pods.limits.postsPerSecondPerUser = 2;
  try {
    const all = await Promise.allSettled(
      Array.from({ length: 8 }, (_, turn) => one.messages.post(eve, room, saying(`${turn}`))),
    );
    const refused = all
      .filter(({ status }) => status === 'rejected')
      .map((each) => (each as PromiseRejectedResult).reason);
    expect(refused.length).toBeGreaterThanOrEqual(3);
    for (const error of refused) expect(error).toMatchObject({ code: 'limit', retryAfter: 1 });
  } finally {
    pods.limits.postsPerSecondPerUser = 1000;
  }
});

test('where compliance is required nobody posts without it', async () => {
  const room = await pods.room('strict', people, { complianceRequired: true });
  const lax = await pods.room('lax', people);
  pods.compliance = false;
  try {
    const all = await Promise.allSettled([
      one.messages.post(alice, room, saying('no')),
      one.messages.post(alice, lax, saying('yes')),
    ]);
    expect(all[0]).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    expect(all[1]).toMatchObject({ status: 'fulfilled' });
  } finally {
    pods.compliance = true;
  }
  await one.messages.post(alice, room, saying('yes'));
});

test('in an auditorium only presenters and managers post', async () => {
  const room = await pods.room('auditorium', people, { kind: 'auditorium', managers: ['mia@contoso.lab'] });
  await expect(one.messages.post(alice, room, saying('no'))).rejects.toMatchObject({ code: 'forbidden' });
  await one.messages.post(caller('mia'), room, saying('yes'));
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
