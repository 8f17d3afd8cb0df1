// Compliance as part of the role: what happens in rooms is in its chains, and rooms that need it do not go on without it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../src/chat.ts';
import { placeHold } from '../../src/compliance/holds.ts';
import { verifyAll } from '../../src/compliance/verify.ts';
import type { Database } from '../../src/database/database.ts';
import { address, createRig, type Rig } from '../rig.ts';
import { until } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await createRig({ pods: 2 });
});
afterAll(() => rig.close());

const admin: Caller = { name: 'auditor', admin: true };
const alice: Caller = { name: address('alice') };
const bob: Caller = { name: address('bob') };
const chatOf = (pod: number) => (rig.pods[pod] as Rig['pods'][number]).role.chat;
const inStore = (text: string, values?: unknown[]) => rig.sql(text, values, 'mgccomp');
const kinds = async (scope: string): Promise<unknown[]> =>
  (await inStore('SELECT kind FROM events WHERE scope = $1 ORDER BY seq', [scope])).map(({ kind }) => kind);
const isHealthy = (pod: number): boolean =>
  Boolean((rig.pods[pod] as Rig['pods'][number]).role.describe?.().compliance);

let clientIds = 0;
const saying = (body: string) => ({ clientId: `c${clientIds++}`, body });

async function newRoom(name: string, complianceRequired: boolean): Promise<{ id: string; category: string }> {
  const chat = chatOf(0);
  const category = await chat.createCategory(admin, {
    name: `${name}s`,
    allowed: ['domain:contoso.lab'],
    complianceRequired,
  });
  const { id } = await chat.createRoom(admin, {
    name,
    category: category.id,
    members: [alice.name, bob.name],
    managers: [alice.name],
  });
  return { id, category: category.id };
}

/** A connection of our own to the store: what the verifier of another machine would have. */
const asDatabase = (): Database => {
  const use = (run: (client: never) => Promise<unknown>) =>
    run({
      query: async (text: string, values?: unknown[]) => ({ rows: await inStore(text, values) }),
    } as never);
  return { use, transaction: use } as unknown as Database;
};

async function findings(): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const report of verifyAll(asDatabase())) if (report.finding) found.push(report);
  return found;
}

test('everything that happens in rooms is in their chains, whichever pod it happens on', async () => {
  const { id, category } = await newRoom('Desk', false);
  const post = await chatOf(0).post(alice, id, saying('hello'));
  await chatOf(1).post(bob, id, saying('hi'));
  await chatOf(1).edit(alice, id, post.seq, { body: 'hello all' });
  await chatOf(0).react(bob, id, post.seq, 'like', true);
  await chatOf(0).history(bob, id, {});
  await chatOf(0).search(bob, { text: 'hello', rooms: [id] });
  const participation = await chatOf(1).join(bob, id, { onEvents() {}, onEnded() {} });
  await participation.part();
  await chatOf(0).deletePost(alice, id, post.seq);
  await chatOf(0).purge(admin, id, { seqs: [post.seq], why: 'asked to' });
  const expected = ['post', 'edit', 'reaction', 'history-read', 'search', 'join', 'part', 'delete', 'purged'];
  await until(async () => (await kinds(id)).includes('purged'));
  expect(await kinds(id)).toEqual(expect.arrayContaining(['room-created', ...expected]));
  expect(await kinds(category)).toContain('category-created');
  const [edit] = await inStore("SELECT event FROM events WHERE scope = $1 AND kind = 'edit'", [id]);
  expect(JSON.parse(String(edit?.event))).toMatchObject({ before: { body: 'hello' }, body: 'hello all' });
  expect(await inStore('SELECT name FROM chains WHERE scope = $1', [id])).toEqual([{ name: 'Desk' }]);
  expect(await findings()).toEqual([]);
});

test('a legal hold of the compliance store keeps posts from being purged', async () => {
  const { id } = await newRoom('Held', false);
  for (const who of [alice, bob, alice, bob]) await chatOf(0).post(who, id, saying('x'));
  await placeHold(asDatabase(), 'auditor', { name: 'case 9', scope: id, subject: bob.name.toUpperCase() });
  expect(await chatOf(1).purge(admin, id, { why: 'all' })).toBe(2);
  await placeHold(asDatabase(), 'auditor', { name: 'case 10', scope: id, subject: undefined });
  expect(await chatOf(0).purge(admin, id, { why: 'all' })).toBe(0);
  await inStore('UPDATE legal_holds SET released_at = now()');
  expect(await chatOf(0).purge(admin, id, { why: 'all' })).toBe(2);
});

test('without the compliance store chat goes on, but for rooms that need it; afterwards nothing is missing', async () => {
  const [free, strict] = [await newRoom('Free', false), await newRoom('Strict', true)];
  await until(() => isHealthy(0) && isHealthy(1));
  await chatOf(0).post(alice, strict.id, saying('while it is there'));
  // Nobody gets into that database any more; the one with the rooms is on the same server.
  await rig.sql('ALTER DATABASE mgccomp ALLOW_CONNECTIONS false');
  await rig.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'mgccomp'");
  for (let turn = 0; turn < 50; turn++) await chatOf(turn % 2).post(alice, free.id, saying(`${turn}`));
  await until(() => !isHealthy(0) && !isHealthy(1));
  for (const pod of [0, 1])
    await expect(chatOf(pod).post(alice, strict.id, saying('refused'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/compliance/i),
    });
  await expect(chatOf(0).purge(admin, free.id, { why: 'all' })).rejects.toMatchObject({
    code: 'unavailable',
  });
  await rig.sql('ALTER DATABASE mgccomp ALLOW_CONNECTIONS true');
  await until(() => isHealthy(0) && isHealthy(1));
  await chatOf(1).post(alice, strict.id, saying('again'));
  await until(async () => (await kinds(strict.id)).filter((kind) => kind === 'post').length === 2);
  await until(async () => (await kinds(free.id)).filter((kind) => kind === 'post').length >= 50);
  expect((await kinds(free.id)).filter((kind) => kind === 'post').length).toBe(50);
  const [room] = await rig.sql('SELECT last_seq FROM rooms WHERE id = $1', [free.id]);
  const [chain] = await inStore('SELECT seq FROM chains WHERE scope = $1', [free.id]);
  expect(chain?.seq).toBe(room?.last_seq);
  expect(await findings()).toEqual([]);
});
