import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { alice, createFilesRig, createStore, type FilesRig, type Store } from './rig.ts';
import { incoming, sending } from './sending.ts';

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

test('A user sends a few files at one time, and others are not in the way', async () => {
  rig.limits.uploadsAtOncePerUser = 2;
  const token = await rig.web.token('alice');
  const under = [1, 2].map(() => sending(rig, token, { 'transfer-encoding': 'chunked' }));
  for (const { send } of under) send.write('half');
  await incoming(rig, 2);
  const refused = await rig.upload('third.txt', 'third');
  expect([refused.status, refused.json.code]).toEqual([429, 'limit']);
  expect(refused.json.detail).toBe('a user may send 2 files at one time');
  expect(refused.headers['retry-after']).toBe('5');
  expect((await rig.uploadOf('bob', 'b.txt', 'b')).status).toBe(201);
  for (const { send } of under) send.end('half');
  expect(await Promise.all(under.map(({ answer }) => answer))).toEqual([201, 201]);
  expect((await rig.upload('third.txt', 'third')).status).toBe(201);
});

test('What a user may upload in a while is limited, also where several files come at once', async () => {
  rig.limits.uploadMegabytesPerUser = 0.1;
  // What other tests have uploaded was yesterday.
  await store.pool.query("UPDATE files SET at = at - interval '25 hours'");
  const token = await rig.web.token('alice');
  // Without a length nothing is known before the end.
  const under = [1, 2].map(() => sending(rig, token, { 'transfer-encoding': 'chunked' }));
  for (const { send } of under) send.write(Buffer.alloc(60_000));
  await incoming(rig, 2);
  for (const { send } of under) send.end();
  expect((await Promise.all(under.map(({ answer }) => answer))).sort()).toEqual([201, 429]);
  const refused = await rig.upload('more.bin', Buffer.alloc(40_001));
  expect([refused.status, refused.json.code]).toEqual([429, 'limit']);
  expect(refused.json.detail).toBe(
    'you have used 60000 of 100000 bytes that may be uploaded in 24 hours: there is no room for this file',
  );
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(23 * 3600);
  expect(await rig.fileRows()).toHaveLength(1);
  expect((await rig.uploadOf('bob', 'b.bin', Buffer.alloc(60_000))).status).toBe(201);
  expect((await rig.upload('less.bin', Buffer.alloc(40_000))).status).toBe(201);
  // In all rooms together, and no longer than the while is.
  rig.room = await rig.newRoom(`other ${randomUUID()}`);
  expect((await rig.upload('other.bin', 'x')).status).toBe(429);
  await store.pool.query("UPDATE files SET at = at - interval '25 hours' WHERE uploaded_by = $1", [alice]);
  expect((await rig.upload('other.bin', 'x')).status).toBe(201);
});

test('What a room may take in a while is limited, whoever uploads', async () => {
  rig.limits.uploadMegabytesPerRoom = 0.1;
  expect((await rig.upload('a.bin', Buffer.alloc(60_000))).status).toBe(201);
  const refused = await rig.uploadOf('bob', 'b.bin', Buffer.alloc(60_000));
  expect([refused.status, refused.json.code]).toEqual([429, 'limit']);
  expect(refused.json.detail).toContain('this room has used 60000 of 100000 bytes');
  rig.room = await rig.newRoom(`other ${randomUUID()}`);
  expect((await rig.uploadOf('bob', 'b.bin', Buffer.alloc(60_000))).status).toBe(201);
});
