// What is taken and what is refused, and that nothing is left of what was not taken.
import { readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { ChatError } from '../../src/chat.ts';
import { bytesType, createFilesRig, createStore, type FilesRig, type Store } from './rig.ts';
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

/** Nothing of an upload is left: no row, no content, nothing half-written. */
async function nothingLeft(): Promise<void> {
  const { rows } = await store.pool.query('SELECT id FROM files WHERE room = $1', [rig.room]);
  expect(rows).toEqual([]);
  expect(await readdir(join(rig.directory, 'incoming')).catch(() => [])).toEqual([]);
}

test.each([
  ['evil.exe', 'text'],
  ['evil.exe.txt', 'text'],
  ['../evil.txt', 'text'],
  ['gpj.\u202eexe.png', 'text'],
  ['picture.png', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(100)])],
])('%j is refused, and nothing of it is kept', async (name, body) => {
  const refused = await rig.upload(name, body);
  expect(refused.status).toBe(400);
  expect(refused.json.code).toBe('invalid');
  await nothingLeft();
});

test('Who may not keep files there is refused before a byte is taken', async () => {
  rig.rights.mayUpload = false;
  expect((await rig.upload('a.txt', 'hello')).status).toBe(403);
  await nothingLeft();
});

test('Who is put out during the upload keeps nothing', async () => {
  const asking = rig.web
    .token('alice')
    .then((token) => sending(rig, token, { 'transfer-encoding': 'chunked' }));
  const { send, answer } = await asking;
  send.write('first half');
  await incoming(rig, 1);
  rig.rights.mayUpload = false;
  send.end('second half');
  expect(await answer).toBe(403);
  await nothingLeft();
});

test('What is too large is refused by its length, or when it turns out to be', async () => {
  expect((await rig.upload('a.bin', Buffer.alloc(100_001))).status).toBe(413);
  const chunked = await rig.upload('a.bin', Buffer.alloc(300_000), {
    ...bytesType,
    'transfer-encoding': 'chunked',
  });
  expect(chunked.status).toBe(413);
  await nothingLeft();
  expect((await rig.upload('a.bin', Buffer.alloc(100_000))).status).toBe(201);
});

test('Who goes away in the middle leaves nothing', async () => {
  const { send, answer } = sending(rig, await rig.web.token('alice'), { 'content-length': '50000' });
  send.write(Buffer.alloc(20_000));
  await incoming(rig, 1);
  send.destroy();
  await expect(answer).rejects.toThrow();
  await vi.waitFor(nothingLeft, 20_000);
  expect(rig.web.log()).toBe('');
});

test('Who takes longer than a file may take is cut off, and leaves nothing', async () => {
  await rig.close();
  rig = await createFilesRig(store, { web: { limits: { requestSeconds: 1, headersSeconds: 1 } } });
  const { send, answer } = sending(rig, await rig.web.token('alice'), { 'content-length': '50000' });
  send.write(Buffer.alloc(20_000));
  expect(await answer).toBe(408);
  send.destroy();
  await vi.waitFor(nothingLeft, 20_000);
});

test('A full store is said to be full, one that fails to be away, and nothing is left', async () => {
  // Where the folder of contents should be is something else.
  await writeFile(join(rig.web.dir, 'files'), '');
  expect((await rig.upload('a.txt', 'hello')).status).toBe(503);
  await rm(join(rig.web.dir, 'files'));
  await nothingLeft();
});

test('What compliance cannot be told of does not happen', async () => {
  rig.web.chat.fail('noteFile', new ChatError('unavailable', 'compliance is away'));
  expect((await rig.upload('a.txt', 'hello')).status).toBe(503);
  await nothingLeft();
  const { json: file } = await rig.upload('a.txt', 'hello');
  rig.web.chat.fail('noteFile', new ChatError('unavailable', 'compliance is away'));
  const got = await rig.web.as('alice', `/v1/rooms/${rig.room}/files/${file.id}`);
  expect(got.status).toBe(503);
  expect(got.headers['content-disposition']).toBeUndefined();
});

test('What nothing refers to is removed when its time is over, and nothing else', async () => {
  const gone = await rig.upload('gone.txt', 'to be removed');
  const kept = await rig.upload('kept.txt', 'to be kept');
  await store.pool.query('DELETE FROM files WHERE id = $1', [gone.json.id]);
  expect(await rig.sweeper.sweep()).toBe(0);
  await store.pool.query("UPDATE file_blobs SET at = at - interval '25 hours'");
  await store.pool.query(
    `INSERT INTO files (id, room, sha256, bytes, name, type, uploaded_by, at)
     SELECT gen_random_uuid(), room, sha256, bytes, 'abandoned', type, uploaded_by, at - interval '25 hours'
     FROM files WHERE id = $1`,
    [kept.json.id],
  );
  // Those of other tests of this file are gone with their folders, which is no error.
  expect(await rig.sweeper.sweep()).toBeGreaterThan(0);
  expect(await rig.contents()).toEqual([kept.json.sha256]);
  expect((await rig.web.as('alice', `/v1/rooms/${rig.room}/files`)).json.files).toEqual([kept.json]);
  const again = await rig.upload('again.txt', 'to be removed');
  expect((await rig.web.as('alice', again.headers.location ?? '')).text).toBe('to be removed');
});

test('Where the disk has not enough space left, an upload is refused before its first byte', async () => {
  await rig.close();
  rig = await createFilesRig(store, { files: { keepFreeMegabytes: 10_000_000 } });
  const { send, answer, continued } = sending(rig, await rig.web.token('alice'), {
    'content-length': '50000',
    expect: '100-continue',
  });
  send.flushHeaders();
  expect(await answer).toBe(507);
  expect(continued()).toBe(false);
  send.destroy();
  const refused = await rig.upload('a.txt', 'hello');
  expect([refused.json.code, refused.json.detail]).toEqual(['full', 'the server has no room for more files']);
  await nothingLeft();
});

test('Where compliance is required and away, nothing is uploaded', async () => {
  rig.complianceRequired = true;
  expect((await rig.upload('a.txt', 'hello')).status).toBe(201);
  rig.complianceThere = false;
  const refused = await rig.upload('b.txt', 'hello');
  expect([refused.status, refused.json.code]).toEqual([503, 'unavailable']);
  expect(refused.json.detail).toBe('files are not taken here while they cannot be kept for compliance');
  expect(rig.web.chat.asked.filter(({ name }) => name === 'noteFile')).toHaveLength(1);
  rig.complianceRequired = false;
  expect((await rig.upload('b.txt', 'hello')).status).toBe(201);
});

test('A scanner by HTTP sees the bytes, and its word counts', async () => {
  const scanner = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    response.writeHead(text.includes('EICAR') ? 406 : text.includes('broken') ? 500 : 204).end();
  });
  await new Promise<void>((resolve) => scanner.listen(0, '127.0.0.1', resolve));
  await rig.close();
  rig = await createFilesRig(store, {
    files: { scan: { url: `http://127.0.0.1:${(scanner.address() as AddressInfo).port}/scan` } },
  });
  try {
    expect((await rig.upload('clean.txt', 'clean')).status).toBe(201);
    const refused = await rig.upload('infected.txt', 'EICAR');
    expect([refused.status, refused.json.detail]).toEqual([400, 'the file was refused by the scanner']);
    expect((await rig.upload('b.txt', 'broken')).status).toBe(503);
    expect((await rig.web.as('alice', `/v1/rooms/${rig.room}/files`)).json.files).toHaveLength(1);
  } finally {
    scanner.closeAllConnections();
    scanner.close();
  }
});
