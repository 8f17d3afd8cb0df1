// Which files go when their time is over or their posts are purged, and what keeps them.
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { ChatError } from '../../src/chat.ts';
import { createFileCheck } from '../../src/files/create-files.ts';
import { bob, createFilesRig, createStore, type FilesRig, type Store } from './rig.ts';

let store: Store;
let rig: FilesRig;

beforeAll(async () => {
  store = await createStore();
});
afterAll(() => store.close());
beforeEach(async () => {
  rig = await createFilesRig(store);
});
afterEach(() => rig.close());

/** Takes a post away for good, as an administrator does. */
const purge = (seq: number) =>
  store.pool.query('DELETE FROM posts WHERE room = $1 AND seq = $2', [rig.room, seq]);

test('Files that were never posted go when their time is over, but for what a legal hold keeps', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.push((await rig.upload(`${i}.txt`, String(i))).json.id);
  await rig.postNaming(1, [ids[0] as string]);
  await store.pool.query("UPDATE files SET at = at - interval '25 hours' WHERE room = $1", [rig.room]);
  await store.pool.query("UPDATE files SET uploaded_by = 'Bob@contoso.lab' WHERE id = $1", [ids[1]]);
  await store.pool.query('UPDATE rooms SET legal_hold = true WHERE id = $1', [rig.room]);
  await rig.sweeper.sweep();
  expect(await rig.fileRows()).toEqual([...ids].sort());
  await store.pool.query('UPDATE rooms SET legal_hold = false WHERE id = $1', [rig.room]);
  rig.held = { all: false, subjects: [bob] };
  await rig.sweeper.sweep();
  expect(await rig.fileRows()).toEqual(ids.slice(0, 2).sort());
  rig.held = { all: false, subjects: [] };
  await rig.sweeper.sweep();
  expect(await rig.fileRows()).toEqual([ids[0]]);
});

test('How long a file may wait for its post is a limit, and not longer than its category keeps posts', async () => {
  const { id } = (await rig.upload('a.txt', 'a')).json;
  rig.limits.unpostedFileHours = 72;
  await store.pool.query("UPDATE files SET at = at - interval '25 hours' WHERE room = $1", [rig.room]);
  await rig.sweeper.sweep();
  expect(await rig.fileRows()).toEqual([id]);
  await store.pool.query(
    'UPDATE categories SET retention_days = 1 WHERE id = (SELECT category FROM rooms WHERE id = $1)',
    [rig.room],
  );
  await rig.sweeper.sweep();
  expect(await rig.fileRows()).toEqual([]);
});

test('Who deletes a post takes its files back, unless another post names them', async () => {
  const [one, two] = [(await rig.upload('1.txt', '1')).json.id, (await rig.upload('2.txt', '2')).json.id];
  await rig.postNaming(1, [one, two]);
  await rig.postNaming(2, [two]);
  await store.pool.query('UPDATE posts SET deleted_at = now() WHERE room = $1 AND seq = 1', [rig.room]);
  expect([await rig.statusFor('bob', one), await rig.statusFor('bob', two)]).toEqual([404, 200]);
  expect(await rig.statusFor('alice', one)).toBe(404);
  expect(await rig.shownTo('bob')).toEqual([two]);
  await rig.sweeper.sweep();
  expect(await rig.fileRows()).toEqual([one, two].sort());
});

test('What is purged is shown to nobody again, and is gone with its bytes, whoever had uploaded it', async () => {
  const own = (await rig.upload('own.txt', randomBytes(10))).json;
  const others = (await rig.upload('other.txt', randomBytes(10))).json;
  await store.pool.query('UPDATE files SET uploaded_by = $2 WHERE id = $1', [others.id, bob]);
  await rig.postNaming(1, [own.id, others.id]);
  await store.pool.query('UPDATE posts SET deleted_at = now() WHERE room = $1', [rig.room]);
  await purge(1);
  for (const name of ['alice', 'bob'])
    expect([
      await rig.shownTo(name),
      await rig.statusFor(name, own.id),
      await rig.statusFor(name, others.id),
    ]).toEqual([[], 404, 404]);
  await expect(createFileCheck(store.database)({ name: bob }, rig.room, [others.id])).rejects.toThrow(
    'is no file',
  );
  expect(await rig.contents()).toHaveLength(2);
  await rig.sweeper.sweep();
  expect(await rig.fileRows()).toEqual([]);
  expect(await rig.contents()).toEqual([]);
});

test('What another post names is not purged with the first one, but when nobody names it any more', async () => {
  const { id } = (await rig.upload('a.txt', randomBytes(10))).json;
  await rig.postNaming(1, [id]);
  await rig.postNaming(2, [id], bob);
  await purge(1);
  await rig.sweeper.sweep();
  expect([await rig.shownTo('alice'), await rig.shownTo('bob')]).toEqual([[id], [id]]);
  await store.pool.query('UPDATE posts SET deleted_at = now() WHERE room = $1', [rig.room]);
  expect(await rig.shownTo('alice')).toEqual([]);
  await rig.sweeper.sweep();
  expect(await rig.fileRows()).toEqual([]);
  expect(await rig.contents()).toEqual([]);
});

test('A legal hold keeps what was purged of its people: what they have uploaded, and what they have posted', async () => {
  const [uploaded, posted] = [
    (await rig.upload('1.txt', randomBytes(10))).json,
    (await rig.upload('2.txt', randomBytes(10))).json,
  ];
  await store.pool.query('UPDATE files SET uploaded_by = $2 WHERE id = $1', [uploaded.id, 'Bob@contoso.lab']);
  await rig.postNaming(1, [uploaded.id, posted.id]);
  await rig.postNaming(2, [posted.id], 'Bob@contoso.lab');
  await store.pool.query('UPDATE posts SET deleted_at = now() WHERE room = $1', [rig.room]);
  await purge(1);
  rig.held = { all: false, subjects: [bob] };
  await rig.sweeper.sweep();
  expect(await rig.shownTo('alice')).toEqual([]);
  expect(await rig.fileRows()).toEqual([uploaded.id, posted.id].sort());
  expect(await rig.contents()).toHaveLength(2);
  rig.held = { all: true, subjects: [] };
  await rig.sweeper.sweep();
  expect(await rig.contents()).toHaveLength(2);
  rig.held = { all: false, subjects: [] };
  await rig.sweeper.sweep();
  expect(await rig.contents()).toEqual([]);
});

test('Where a hold may have been placed meanwhile, what was purged stays', async () => {
  const { id } = (await rig.upload('a.txt', randomBytes(10))).json;
  await rig.postNaming(1, [id]);
  await purge(1);
  rig.stand = () => Promise.reject(new ChatError('unavailable', 'what is held is not known'));
  await expect(rig.sweeper.sweep()).rejects.toThrow('what is held is not known');
  expect(await rig.fileRows()).toEqual([id]);
  expect(await rig.contents()).toHaveLength(1);
  rig.stand = async () => {};
  // The room's own.
  const holding = await store.pool.connect();
  await holding.query('BEGIN');
  await holding.query('UPDATE rooms SET legal_hold = true WHERE id = $1', [rig.room]);
  const swept = rig.sweeper.sweep();
  await vi.waitFor(async () => {
    const { rows } = await store.pool.query('SELECT FROM pg_stat_activity WHERE wait_event_type = $1', [
      'Lock',
    ]);
    expect(rows).toHaveLength(1);
  }, 20_000);
  await holding.query('COMMIT');
  holding.release();
  await swept;
  expect(await rig.fileRows()).toEqual([id]);
  expect(await rig.contents()).toHaveLength(1);
});

test('The bytes of what was purged stay where another file has the same', async () => {
  const [one, two] = [(await rig.upload('1.txt', 'same')).json, (await rig.upload('2.txt', 'same')).json];
  await rig.postNaming(1, [one.id]);
  await purge(1);
  await rig.sweeper.sweep();
  expect(await rig.fileRows()).toEqual([two.id]);
  expect(await rig.statusFor('alice', two.id)).toBe(200);
});
