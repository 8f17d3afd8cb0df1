// What is done to posts that are there: where compliance has to know of it, and who may.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Caller } from '../src/chat.ts';
import { createPods, type Pod, type Pods } from './pods.ts';

let pods: Pods;
let pod: Pod;

beforeAll(async () => {
  pods = await createPods();
  pod = await pods.start('one');
});
afterAll(async () => {
  await pods?.close();
  expect(pods.errors()).toEqual([]);
});

const [alice, bob, mia] = ['alice', 'bob', 'mia'].map(
  (name): Caller => ({ name: `${name}@contoso.lab` }),
) as [Caller, Caller, Caller];
const people = [alice.name, bob.name];
const file = { id: randomUUID(), name: 'a.txt', bytes: 1, type: 'text/plain', sha256: '00' };

const eventsOf = (room: string) =>
  pods.sql('SELECT last_seq::int AS seq FROM rooms WHERE id = $1', [room]).then(([row]) => row.seq);

test('where compliance is required nothing is changed without it, and posts stay as they were', async () => {
  const room = await pods.room('strict', people, { complianceRequired: true });
  const { messages } = pod;
  const { seq } = await messages.post(alice, room, { clientId: 'a', body: 'first words' });
  await messages.react(bob, room, seq, '👍', true);
  const [before] = await messages.history(alice, room, {});
  const happened = await eventsOf(room);
  pods.compliance = false;
  try {
    const refused = { code: 'unavailable', retryAfter: 10 };
    await expect(messages.edit(alice, room, seq, { body: 'other words' })).rejects.toMatchObject(refused);
    await expect(messages.deletePost(alice, room, seq)).rejects.toMatchObject(refused);
    await expect(messages.react(alice, room, seq, '👎', true)).rejects.toMatchObject(refused);
    await expect(messages.react(bob, room, seq, '👍', false)).rejects.toMatchObject(refused);
    await expect(messages.noteFile(alice, room, 'upload', file)).rejects.toMatchObject(refused);
    expect(await eventsOf(room)).toBe(happened);
  } finally {
    pods.compliance = true;
  }
  expect(await messages.history(alice, room, {})).toEqual([before]);
  await messages.edit(alice, room, seq, { body: 'other words' });
  await messages.noteFile(alice, room, 'upload', file);
});

test('where it is not required, posts are changed without it', async () => {
  const room = await pods.room('lax', people);
  const { messages } = pod;
  pods.compliance = false;
  try {
    const { seq } = await messages.post(alice, room, { clientId: 'a', body: 'first words' });
    await messages.react(bob, room, seq, '👍', true);
    await messages.edit(alice, room, seq, { body: 'other words' });
    await messages.noteFile(alice, room, 'upload', file);
    await messages.deletePost(alice, room, seq);
  } finally {
    pods.compliance = true;
  }
});

test('an audience may react to what it reads, and neither posts nor edits', async () => {
  const room = await pods.room('hall', people, { kind: 'auditorium', managers: [mia.name] });
  const { messages } = pod;
  const { seq } = await messages.post(mia, room, { clientId: 'a', body: 'welcome' });
  await messages.react(bob, room, seq, '👏', true);
  const [post] = await messages.history(alice, room, {});
  expect(post?.reactions).toEqual([{ reaction: '👏', by: [bob.name] }]);
  const forbidden = { code: 'forbidden' };
  await expect(messages.edit(bob, room, seq, { body: 'mine' })).rejects.toMatchObject(forbidden);
  await expect(messages.deletePost(bob, room, seq)).rejects.toMatchObject(forbidden);
  // Who may not read may not react.
  const stranger: Caller = { name: 'oscar@contoso.lab' };
  await expect(messages.react(stranger, room, seq, '👏', true)).rejects.toMatchObject(forbidden);
});
