// What becomes of posts: answers, other words, reactions, and their end.
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRetention } from '../../src/messages/retention.ts';
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
