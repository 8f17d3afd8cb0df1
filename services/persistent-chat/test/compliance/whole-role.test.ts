// Compliance as part of the role: what happens in rooms is in its chains, and rooms that need it do not go on without it.
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../src/chat.ts';
import { type NewHold, placeHold, releaseHold } from '../../src/compliance/holds.ts';
import { verifyAll } from '../../src/compliance/verify.ts';
import type { Database } from '../../src/database/database.ts';
import { address, createRig, type Rig } from '../rig.ts';
import { newScope, post, until } from './rig.ts';

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

async function connect(database: string): Promise<pg.Client> {
  const { port, passwordFile } = rig.lab.postgres;
  const password = await readFile(passwordFile, 'utf8');
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'linchpin', password, database });
  await client.connect();
  return client;
}

/** A connection of our own to the store: what another pod, or the verifier of another machine, would have. */
const asDatabase = (): Database => {
  const use = async (run: (client: never) => Promise<unknown>, inTransaction = false) => {
    const client = await connect('mgccomp');
    try {
      if (inTransaction) await client.query('BEGIN');
      const result = await run(client as never);
      if (inTransaction) await client.query('COMMIT');
      return result;
    } finally {
      await client.end();
    }
  };
  return { use, transaction: (run: never) => use(run, true) } as unknown as Database;
};

const hold = (what: Partial<NewHold>) =>
  placeHold(asDatabase(), 'auditor', { name: 'case', scope: undefined, subject: undefined, ...what });

/** Nobody deletes posts of this room until the answer is called. */
async function lockPosts(id: string): Promise<() => Promise<void>> {
  const client = await connect('mgc');
  await client.query('BEGIN');
  await client.query('SELECT FROM posts WHERE room = $1 FOR UPDATE', [id]);
  return async () => {
    await client.query('ROLLBACK');
    await client.end();
  };
}

/** Somebody waits for a lock in this database. */
const lockAwaited = (database: 'mgc' | 'mgccomp') =>
  rig
    .sql("SELECT FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'", [database])
    .then(({ length }) => length > 0);

/**
 * A hold is placed while `take` is at it: it has seen that nothing is held, and waits for posts, which we have locked. Resolves with
 * what was there when the hold was answered, and in the end.
 */
async function holdDuring(id: string, take: () => Promise<unknown>, there: () => Promise<unknown>) {
  const release = await lockPosts(id);
  const taking = take().catch((error) => error);
  await until(() => lockAwaited('mgc'));
  let isPlaced = false;
  const placing = hold({ scope: id }).then(() => {
    isPlaced = true;
    return there();
  });
  await until(async () => isPlaced || (await lockAwaited('mgccomp')));
  const early = isPlaced ? await placing : undefined;
  await release();
  const [atAnswer, outcome] = await Promise.all([early ?? placing, taking]);
  return { atAnswer, inTheEnd: await there(), outcome };
}

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
  const ofBob = await hold({ scope: id, subject: bob.name.toUpperCase() });
  expect(await chatOf(1).purge(admin, id, { why: 'all' })).toBe(2);
  const ofAll = await hold({ scope: id });
  expect(await chatOf(0).purge(admin, id, { why: 'all' })).toBe(0);
  for (const { id: held } of [ofBob, ofAll]) await releaseHold(asDatabase(), 'auditor', held, 'closed');
  expect(await chatOf(0).purge(admin, id, { why: 'all' })).toBe(2);
});

test('a legal hold on a category keeps what is in its rooms, also before compliance has heard of them', async () => {
  const { id, category } = await newRoom('Floor', false);
  await chatOf(0).post(alice, id, saying('x'));
  await until(async () => (await kinds(id)).includes('post'));
  // As if the room was moved this moment: the event is on its way.
  await inStore('DELETE FROM room_categories WHERE room = $1', [id]);
  const { id: placed } = await hold({ scope: category });
  expect(await chatOf(1).purge(admin, id, { why: 'all' })).toBe(0);
  await inStore('INSERT INTO room_categories (room, category) VALUES ($1, $2)', [id, category]);
  await expect(chatOf(0).deleteRoom(admin, id)).rejects.toMatchObject({ code: 'forbidden' });
  await releaseHold(asDatabase(), 'auditor', placed, 'closed');
  await chatOf(0).deleteRoom(admin, id);
});

test('whoever was told that a room is held finds all that was there then: no purge is still at work', async () => {
  const { id } = await newRoom('Purged', false);
  for (const who of [alice, bob]) await chatOf(0).post(who, id, saying('x'));
  const posts = async () => (await rig.sql('SELECT seq FROM posts WHERE room = $1', [id])).length;
  const { atAnswer, inTheEnd } = await holdDuring(
    id,
    () => chatOf(1).purge(admin, id, { why: 'all' }),
    posts,
  );
  expect(atAnswer).toBe(inTheEnd);
  await chatOf(0).post(alice, id, saying('y'));
  expect(await chatOf(1).purge(admin, id, { why: 'all' })).toBe(0);
});

test('nor is the room being deleted', async () => {
  const { id } = await newRoom('Deleted', false);
  await chatOf(0).post(alice, id, saying('x'));
  const rooms = async () => (await rig.sql('SELECT id FROM rooms WHERE id = $1', [id])).length;
  const { atAnswer, inTheEnd } = await holdDuring(id, () => chatOf(1).deleteRoom(admin, id), rooms);
  expect(atAnswer).toBe(inTheEnd);
});

test('a room that is held after its deletion was looked into, and before it has begun, stays', async () => {
  const { id } = await newRoom('Staying', false);
  const client = await connect('mgc');
  await client.query('BEGIN; LOCK TABLE posts IN ACCESS EXCLUSIVE MODE');
  const deleting = expect(chatOf(1).deleteRoom(admin, id)).rejects.toMatchObject({ code: 'forbidden' });
  await until(() => lockAwaited('mgc'));
  await hold({ scope: id });
  await client.query('ROLLBACK');
  await client.end();
  await deleting;
  expect((await rig.sql('SELECT id FROM rooms WHERE id = $1', [id])).length).toBe(1);
});

test('a purge during which the compliance store is lost is undone', async () => {
  const { id } = await newRoom('Lost', false);
  for (const who of [alice, bob]) await chatOf(0).post(who, id, saying('x'));
  const release = await lockPosts(id);
  const purging = chatOf(0).purge(admin, id, { why: 'all' });
  const refused = expect(purging).rejects.toMatchObject({ code: 'unavailable' });
  await until(() => lockAwaited('mgc'));
  await rig.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'mgccomp'");
  await release();
  await refused;
  expect((await rig.sql('SELECT seq FROM posts WHERE room = $1', [id])).length).toBe(2);
  await until(() => isHealthy(0) && isHealthy(1));
});

test("a room's own legal hold is told to those who manage it", async () => {
  const { id } = await newRoom('Quiet', false);
  await chatOf(0).setLegalHold(admin, id, true);
  const seenBy = async (caller: Caller) => {
    const [found] = await chatOf(1).findRooms(caller, { text: 'Quiet' });
    const { room, part } = await chatOf(1).join(caller, id, { onEvents() {}, onEnded() {} });
    await part();
    return [(await chatOf(1).room(caller, id)).legalHold, found?.legalHold, room.legalHold];
  };
  expect(await seenBy(bob)).toEqual([undefined, undefined, undefined]);
  expect(await seenBy(alice)).toEqual([true, true, true]);
  expect((await chatOf(1).room(admin, id)).legalHold).toBe(true);
  await chatOf(0).setLegalHold(admin, id, false);
  expect((await chatOf(1).room(alice, id)).legalHold).toBe(false);
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

test('rooms that need compliance do not go on while events get no further than where rooms are', async () => {
  const strict = await newRoom('Stuck', true);
  const { port, passwordFile } = rig.lab.postgres;
  const postgres = { host: '127.0.0.1', port, user: 'linchpin', database: 'mgccomp', passwordFile };
  const { role } = await rig.another({ compliance: { postgres, maxLagSeconds: 3 } });
  const isThere = () => Boolean(role.describe?.().compliance);
  await until(isThere);
  await role.chat.post(alice, strict.id, saying('while events get on'));
  // Nobody publishes it: we have it locked.
  const client = await connect('mgc');
  const scope = newScope();
  await client.query('BEGIN');
  await client.query("INSERT INTO outbox (scope, first, last, pod, events) VALUES ($1, 1, 1, 'x', $2)", [
    scope,
    JSON.stringify([post(scope, 1)]),
  ]);
  await client.query('COMMIT; BEGIN');
  expect((await client.query('SELECT FROM outbox WHERE scope = $1 FOR UPDATE', [scope])).rowCount).toBe(1);
  await until(() => !isThere());
  await expect(role.chat.post(alice, strict.id, saying('refused'))).rejects.toMatchObject({
    code: 'unavailable',
  });
  await client.query('ROLLBACK');
  await client.end();
  await until(isThere);
  await role.chat.post(alice, strict.id, saying('again'));
  expect(await kinds(scope)).toEqual(['post']);
});
