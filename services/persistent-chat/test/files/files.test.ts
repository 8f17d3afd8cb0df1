// Files over HTTPS, with their tables in a real PostgreSQL; rooms and who may what are those of the test.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createHealth, createLog, createPostgres, migrate } from '@linchpin/host';
import { createLab, type Lab } from '@linchpin/testkit';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { run } from '../../../../test/peers/process.ts';
import { ChatError } from '../../src/chat.ts';
import { persistentChatConfig } from '../../src/config.ts';
import { createDatabase, type Database } from '../../src/database/database.ts';
import { migrations } from '../../src/database/migrations.ts';
import { createFileCheck, createFilesOfPod } from '../../src/files/create-files.ts';
import type { Sweeper } from '../../src/files/sweeper.ts';
import type { FakeChat } from '../web/fake-chat.ts';
import { createWebRig, type WebRig } from '../web/rig.ts';
import { ACCESS_KEY, SECRET_KEY, startS3 } from './s3-server.ts';

const log = createLog({ role: 'test', name: 'test', level: 'silent' });
const alice = 'alice@contoso.lab';
const bob = 'bob@contoso.lab';
const ample = {
  maxFileKilobytes: 100,
  blockedFileTypes: ['exe', 'js'],
  uploadsAtOncePerUser: 4,
  uploadMegabytesPerUser: 100,
  uploadMegabytesPerRoom: 100,
  uploadQuotaHours: 24,
  unpostedFileHours: 24,
};
/** Tests make it tighter. */
let limits: typeof ample;

let lab: Lab;
let pool: Pool;
let database: Database;
let rig: WebRig;
let sweeper: Sweeper;
let directory: string;
let room: string;
let held: { all: boolean; subjects: string[] };
/** Rejects where somebody may have placed a hold after all. */
let stand: () => Promise<void>;
/** Rights are taken away here. */
let rights: { mayRead: boolean; mayUpload: boolean };
let complianceRequired: boolean;
let complianceThere: boolean;

beforeAll(async () => {
  lab = await createLab({ postgres: true, nats: false });
  const { port, passwordFile } = lab.postgres;
  const config = {
    host: '127.0.0.1',
    port,
    user: 'linchpin',
    database: 'postgres',
    passwordFile,
    connections: 10,
  };
  pool = await createPostgres(config, 'test', log);
  database = createDatabase({
    pool,
    prepare: async (client) => void (await migrate(client, migrations)),
    onUnusable: (error) => {
      throw error;
    },
    health: createHealth(),
    log,
  });
  await database.start();
});
afterAll(async () => {
  await database.stop();
  await pool.end();
  await lab.close();
});

beforeEach(() => start());
afterEach(() => rig.close());

async function start(files: Record<string, unknown> = {}, web: Record<string, unknown> = {}): Promise<void> {
  rights = { mayRead: true, mayUpload: true };
  held = { all: false, subjects: [] };
  stand = async () => {};
  limits = { ...ample };
  [complianceRequired, complianceThere] = [false, true];
  rig = await createWebRig({
    web,
    files(chat, dir) {
      directory = join(dir, 'files');
      const made = createFilesOfPod({
        config: { dataDir: dir, files: persistentChatConfig.shape.files.parse(files) },
        database,
        standing: async (caller, ref) => ({
          room: { ...(await chat.room(caller, ref)), complianceRequired },
          ...rights,
        }),
        noteFile: chat.noteFile,
        isComplianceThere: () => complianceThere,
        limits: () => limits,
        withHolds: (run) => run({ of: async () => held, stand: () => stand() }),
        metrics: new Registry(),
        log,
      });
      sweeper = made.sweeper;
      return made.files;
    },
  });
  room = await newRoom(rig.chat, `room ${randomUUID()}`);
}

async function newRoom(chat: FakeChat, name: string, chatHistory = true): Promise<string> {
  const { id } = chat.addRoom(name, [alice, bob], chatHistory);
  const category = randomUUID();
  await pool.query('INSERT INTO categories (id, name, chat_history) VALUES ($1, $2, $3)', [
    ...[category, `of ${name}`, chatHistory],
  ]);
  await pool.query('INSERT INTO rooms (id, category, name) VALUES ($1, $2, $3)', [id, category, name]);
  return id;
}

const bytesType = { 'content-type': 'application/octet-stream' };
const upload = (name: string, body: Buffer | string, headers: Record<string, string> = bytesType) =>
  uploadOf('alice', name, body, headers);
const uploadOf = (
  who: string,
  name: string,
  body: Buffer | string,
  headers: Record<string, string> = bytesType,
) =>
  rig.as(who, `/v1/rooms/${room}/files?name=${encodeURIComponent(name)}`, {
    method: 'PUT',
    body,
    headers,
  });

/** Nothing of an upload is left: no row, no content, nothing half-written. */
async function nothingLeft(): Promise<void> {
  const { rows } = await pool.query('SELECT id FROM files WHERE room = $1', [room]);
  expect(rows).toEqual([]);
  expect(await readdir(join(directory, 'incoming')).catch(() => [])).toEqual([]);
}
const contents = async (): Promise<string[]> =>
  (await readdir(join(directory, 'blobs'), { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

/** Resolves when so many uploads are under way. */
const incoming = (count: number): Promise<void> =>
  vi.waitFor(async () => expect(await readdir(join(directory, 'incoming'))).toHaveLength(count), 20_000);

/** Writes into the table what a post would. */
const postNaming = async (seq: number, files: string[], author = alice) => {
  await pool.query(
    "INSERT INTO posts (room, seq, author, at, client_id, body, files) VALUES ($1, $2::bigint, $3, now(), $2::bigint::text, '', $4)",
    [room, seq, author, files],
  );
};

/** Takes a post away for good, as an administrator does. */
const purge = (seq: number) => pool.query('DELETE FROM posts WHERE room = $1 AND seq = $2', [room, seq]);
const fileRows = async (): Promise<string[]> =>
  (await pool.query('SELECT id FROM files WHERE room = $1', [room])).rows.map(({ id }) => id).sort();
/** Those that somebody is shown, by their ids. */
const shownTo = async (name: string): Promise<string[]> =>
  (await rig.as(name, `/v1/rooms/${room}/files`)).json.files.map(({ id }: { id: string }) => id).sort();
const statusFor = async (name: string, id: string): Promise<number> =>
  (await rig.as(name, `/v1/rooms/${room}/files/${id}`)).status;

test('A file is kept, listed, and given back as it was', async () => {
  const bytes = randomBytes(90_000);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const kept = await upload('Q3 Zahlen für “Müller”.bin', bytes);
  expect(kept.status).toBe(201);
  expect(kept.json).toEqual({
    id: expect.any(String),
    room,
    name: 'Q3 Zahlen für “Müller”.bin',
    bytes: 90_000,
    type: 'application/octet-stream',
    sha256,
    by: alice,
    at: expect.any(String),
  });
  expect(kept.headers.location).toBe(`/v1/rooms/${room}/files/${kept.json.id}`);
  await postNaming(1, [kept.json.id]);
  expect((await rig.as('bob', `/v1/rooms/${room}/files`)).json.files).toEqual([kept.json]);
  expect((await rig.as('bob', `/v1/rooms/${room}/files?id=${kept.json.id}`)).json.files).toEqual([kept.json]);

  const got = await rig.as('bob', kept.headers.location ?? '', { method: 'HEAD' });
  expect(got.headers).toMatchObject({
    'content-length': '90000',
    'content-type': 'application/octet-stream',
    'x-content-type-options': 'nosniff',
    'accept-ranges': 'bytes',
    'content-disposition':
      'attachment; filename="Q3 Zahlen f_r _M_ller_.bin"; filename*=UTF-8\'\'Q3%20Zahlen%20f%C3%BCr%20%E2%80%9CM%C3%BCller%E2%80%9D.bin',
  });
  expect(got.headers['content-security-policy']).toContain('sandbox');
});

test('Both ways are told to compliance, by whom and what, and heads are not', async () => {
  const { json: file } = await upload('a.txt', 'hello');
  await postNaming(1, [file.id]);
  await rig.as('bob', `/v1/rooms/${room}/files/${file.id}`, { method: 'HEAD' });
  await rig.as('bob', `/v1/rooms/${room}/files/${file.id}`);
  const noted = rig.chat.asked.filter(({ name }) => name === 'noteFile');
  expect(noted.map(({ caller }) => caller.name)).toEqual([alice, 'bob@contoso.lab']);
});

test.each([
  ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
  ['bytes=7-', 206, '789', 'bytes 7-9/10'],
  ['bytes=-2', 206, '89', 'bytes 8-9/10'],
  ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
  ['bytes=5-99', 206, '56789', 'bytes 5-9/10'],
  ['bytes=10-', 416, undefined, 'bytes */10'],
  ['bytes=-0', 416, undefined, 'bytes */10'],
  ['bytes=4-2', 200, '0123456789', undefined],
  ['bytes=0-1,4-5', 200, '0123456789', undefined],
  ['lines=0-1', 200, '0123456789', undefined],
])('The range %s is answered with %i', async (range, status, text, contentRange) => {
  const { json: file } = await upload('digits.txt', '0123456789');
  const got = await rig.as('alice', `/v1/rooms/${room}/files/${file.id}`, { headers: { range } });
  expect(got.status).toBe(status);
  if (text !== undefined) expect(got.text).toBe(text);
  expect(got.headers['content-range']).toBe(contentRange);
});

test('The same bytes are stored once, and are two files', async () => {
  const [one, two] = [await upload('one.txt', 'same'), await upload('two.txt', 'same')];
  expect(one.json.sha256).toBe(two.json.sha256);
  expect(one.json.id).not.toBe(two.json.id);
  expect(await contents()).toEqual([one.json.sha256]);
});

test('A file is that of its room', async () => {
  const { json: file } = await upload('a.txt', 'hello');
  const other = await newRoom(rig.chat, `other ${randomUUID()}`);
  expect((await rig.as('alice', `/v1/rooms/${other}/files/${file.id}`)).status).toBe(404);
  expect((await rig.as('carol', `/v1/rooms/${room}/files/${file.id}`)).status).toBe(403);
  expect((await rig.as('alice', `/v1/rooms/${room}/files/${randomUUID()}`)).status).toBe(404);
  expect((await rig.as('alice', `/v1/rooms/${room}/files/..%2f..`)).status).toBe(400);
});

test.each([
  ['evil.exe', 'text'],
  ['evil.exe.txt', 'text'],
  ['../evil.txt', 'text'],
  ['gpj.\u202eexe.png', 'text'],
  ['picture.png', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(100)])],
])('%j is refused, and nothing of it is kept', async (name, body) => {
  const refused = await upload(name, body);
  expect(refused.status).toBe(400);
  expect(refused.json.code).toBe('invalid');
  await nothingLeft();
});

test('Who may not keep files there is refused before a byte is taken', async () => {
  rights.mayUpload = false;
  expect((await upload('a.txt', 'hello')).status).toBe(403);
  await nothingLeft();
});

test('Who is put out during the upload keeps nothing', async () => {
  const asking = rig.token('alice').then((token) => sending(token, { 'transfer-encoding': 'chunked' }));
  const { send, answer } = await asking;
  send.write('first half');
  await incoming(1);
  rights.mayUpload = false;
  send.end('second half');
  expect(await answer).toBe(403);
  await nothingLeft();
});

test('What is too large is refused by its length, or when it turns out to be', async () => {
  expect((await upload('a.bin', Buffer.alloc(100_001))).status).toBe(413);
  const chunked = await upload('a.bin', Buffer.alloc(300_000), {
    ...bytesType,
    'transfer-encoding': 'chunked',
  });
  expect(chunked.status).toBe(413);
  await nothingLeft();
  expect((await upload('a.bin', Buffer.alloc(100_000))).status).toBe(201);
});

test('Who goes away in the middle leaves nothing', async () => {
  const { send, answer } = sending(await rig.token('alice'), { 'content-length': '50000' });
  send.write(Buffer.alloc(20_000));
  await incoming(1);
  send.destroy();
  await expect(answer).rejects.toThrow();
  await vi.waitFor(nothingLeft, 20_000);
  expect(rig.log()).toBe('');
});

test('Who takes longer than a file may take is cut off, and leaves nothing', async () => {
  await rig.close();
  await start({}, { limits: { requestSeconds: 1, headersSeconds: 1 } });
  const { send, answer } = sending(await rig.token('alice'), { 'content-length': '50000' });
  send.write(Buffer.alloc(20_000));
  expect(await answer).toBe(408);
  send.destroy();
  await vi.waitFor(nothingLeft, 20_000);
});

test('A full store is said to be full, one that fails to be away, and nothing is left', async () => {
  // Where the folder of contents should be is something else.
  await writeFile(join(rig.dir, 'files'), '');
  expect((await upload('a.txt', 'hello')).status).toBe(503);
  await rm(join(rig.dir, 'files'));
  await nothingLeft();
});

test('What compliance cannot be told of does not happen', async () => {
  rig.chat.fail('noteFile', new ChatError('unavailable', 'compliance is away'));
  expect((await upload('a.txt', 'hello')).status).toBe(503);
  await nothingLeft();
  const { json: file } = await upload('a.txt', 'hello');
  rig.chat.fail('noteFile', new ChatError('unavailable', 'compliance is away'));
  const got = await rig.as('alice', `/v1/rooms/${room}/files/${file.id}`);
  expect(got.status).toBe(503);
  expect(got.headers['content-disposition']).toBeUndefined();
});

test('What nothing refers to is removed when its time is over, and nothing else', async () => {
  const gone = await upload('gone.txt', 'to be removed');
  const kept = await upload('kept.txt', 'to be kept');
  await pool.query('DELETE FROM files WHERE id = $1', [gone.json.id]);
  expect(await sweeper.sweep()).toBe(0);
  await pool.query("UPDATE file_blobs SET at = at - interval '25 hours'");
  await pool.query(
    `INSERT INTO files (id, room, sha256, bytes, name, type, uploaded_by, at)
     SELECT gen_random_uuid(), room, sha256, bytes, 'abandoned', type, uploaded_by, at - interval '25 hours'
     FROM files WHERE id = $1`,
    [kept.json.id],
  );
  // Those of other tests of this file are gone with their folders, which is no error.
  expect(await sweeper.sweep()).toBeGreaterThan(0);
  expect(await contents()).toEqual([kept.json.sha256]);
  expect((await rig.as('alice', `/v1/rooms/${room}/files`)).json.files).toEqual([kept.json]);
  const again = await upload('again.txt', 'to be removed');
  expect((await rig.as('alice', again.headers.location ?? '')).text).toBe('to be removed');
});

test('Files that were never posted go when their time is over, but for what a legal hold keeps', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.push((await upload(`${i}.txt`, String(i))).json.id);
  await postNaming(1, [ids[0] as string]);
  await pool.query("UPDATE files SET at = at - interval '25 hours' WHERE room = $1", [room]);
  await pool.query("UPDATE files SET uploaded_by = 'Bob@contoso.lab' WHERE id = $1", [ids[1]]);
  await pool.query('UPDATE rooms SET legal_hold = true WHERE id = $1', [room]);
  await sweeper.sweep();
  expect(await fileRows()).toEqual([...ids].sort());
  await pool.query('UPDATE rooms SET legal_hold = false WHERE id = $1', [room]);
  held = { all: false, subjects: [bob] };
  await sweeper.sweep();
  expect(await fileRows()).toEqual(ids.slice(0, 2).sort());
  held = { all: false, subjects: [] };
  await sweeper.sweep();
  expect(await fileRows()).toEqual([ids[0]]);
});

test('How long a file may wait for its post is a limit, and not longer than its category keeps posts', async () => {
  const { id } = (await upload('a.txt', 'a')).json;
  limits.unpostedFileHours = 72;
  await pool.query("UPDATE files SET at = at - interval '25 hours' WHERE room = $1", [room]);
  await sweeper.sweep();
  expect(await fileRows()).toEqual([id]);
  await pool.query(
    'UPDATE categories SET retention_days = 1 WHERE id = (SELECT category FROM rooms WHERE id = $1)',
    [room],
  );
  await sweeper.sweep();
  expect(await fileRows()).toEqual([]);
});

test('Files come in pages, the newest first', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.unshift((await upload(`${i}.txt`, String(i))).json.id);
  const first = (await rig.as('alice', `/v1/rooms/${room}/files?limit=3`)).json.files;
  const then = (await rig.as('alice', `/v1/rooms/${room}/files?limit=3&before=${first[2].id}`)).json.files;
  expect([...first, ...then].map(({ id }) => id)).toEqual(ids);
});

test('A post may name files of its room only', async () => {
  const check = createFileCheck(database);
  const { json: file } = await upload('a.txt', 'hello');
  await check({ name: alice }, room, [file.id, file.id]);
  await expect(check({ name: alice }, room, [file.id, randomUUID()])).rejects.toMatchObject({
    code: 'invalid',
  });
  const other = await newRoom(rig.chat, `other ${randomUUID()}`);
  await expect(check({ name: alice }, other, [file.id])).rejects.toMatchObject({ code: 'invalid' });
});

test("A file is its uploader's own until a post names it, and others may not post it", async () => {
  const { id } = (await upload('a.txt', 'hello')).json;
  expect([await shownTo('alice'), await shownTo('bob')]).toEqual([[id], []]);
  expect([await statusFor('alice', id), await statusFor('bob', id)]).toEqual([200, 404]);
  const check = createFileCheck(database);
  await check({ name: alice }, room, [id]);
  await expect(check({ name: bob }, room, [id])).rejects.toMatchObject({ code: 'invalid' });
  await postNaming(1, [id]);
  expect([await shownTo('alice'), await shownTo('bob')]).toEqual([[id], [id]]);
  await check({ name: bob }, room, [id]);
});

test('Who deletes a post takes its files back, unless another post names them', async () => {
  const [one, two] = [(await upload('1.txt', '1')).json.id, (await upload('2.txt', '2')).json.id];
  await postNaming(1, [one, two]);
  await postNaming(2, [two]);
  await pool.query('UPDATE posts SET deleted_at = now() WHERE room = $1 AND seq = 1', [room]);
  expect([await statusFor('bob', one), await statusFor('bob', two)]).toEqual([404, 200]);
  expect(await statusFor('alice', one)).toBe(404);
  expect(await shownTo('bob')).toEqual([two]);
  await sweeper.sweep();
  expect(await fileRows()).toEqual([one, two].sort());
});

test('What is purged is shown to nobody again, and is gone with its bytes, whoever had uploaded it', async () => {
  const own = (await upload('own.txt', randomBytes(10))).json;
  const others = (await upload('other.txt', randomBytes(10))).json;
  await pool.query('UPDATE files SET uploaded_by = $2 WHERE id = $1', [others.id, bob]);
  await postNaming(1, [own.id, others.id]);
  await pool.query('UPDATE posts SET deleted_at = now() WHERE room = $1', [room]);
  await purge(1);
  for (const name of ['alice', 'bob'])
    expect([await shownTo(name), await statusFor(name, own.id), await statusFor(name, others.id)]).toEqual([
      [],
      404,
      404,
    ]);
  await expect(createFileCheck(database)({ name: bob }, room, [others.id])).rejects.toThrow('is no file');
  expect(await contents()).toHaveLength(2);
  await sweeper.sweep();
  expect(await fileRows()).toEqual([]);
  expect(await contents()).toEqual([]);
});

test('What another post names is not purged with the first one, but when nobody names it any more', async () => {
  const { id } = (await upload('a.txt', randomBytes(10))).json;
  await postNaming(1, [id]);
  await postNaming(2, [id], bob);
  await purge(1);
  await sweeper.sweep();
  expect([await shownTo('alice'), await shownTo('bob')]).toEqual([[id], [id]]);
  await pool.query('UPDATE posts SET deleted_at = now() WHERE room = $1', [room]);
  expect(await shownTo('alice')).toEqual([]);
  await sweeper.sweep();
  expect(await fileRows()).toEqual([]);
  expect(await contents()).toEqual([]);
});

test('A legal hold keeps what was purged of its people: what they have uploaded, and what they have posted', async () => {
  const [uploaded, posted] = [
    (await upload('1.txt', randomBytes(10))).json,
    (await upload('2.txt', randomBytes(10))).json,
  ];
  await pool.query('UPDATE files SET uploaded_by = $2 WHERE id = $1', [uploaded.id, 'Bob@contoso.lab']);
  await postNaming(1, [uploaded.id, posted.id]);
  await postNaming(2, [posted.id], 'Bob@contoso.lab');
  await pool.query('UPDATE posts SET deleted_at = now() WHERE room = $1', [room]);
  await purge(1);
  held = { all: false, subjects: [bob] };
  await sweeper.sweep();
  expect(await shownTo('alice')).toEqual([]);
  expect(await fileRows()).toEqual([uploaded.id, posted.id].sort());
  expect(await contents()).toHaveLength(2);
  held = { all: true, subjects: [] };
  await sweeper.sweep();
  expect(await contents()).toHaveLength(2);
  held = { all: false, subjects: [] };
  await sweeper.sweep();
  expect(await contents()).toEqual([]);
});

test('Where a hold may have been placed meanwhile, what was purged stays', async () => {
  const { id } = (await upload('a.txt', randomBytes(10))).json;
  await postNaming(1, [id]);
  await purge(1);
  stand = () => Promise.reject(new ChatError('unavailable', 'what is held is not known'));
  await expect(sweeper.sweep()).rejects.toThrow('what is held is not known');
  expect(await fileRows()).toEqual([id]);
  expect(await contents()).toHaveLength(1);
  stand = async () => {};
  // The room's own.
  const holding = await pool.connect();
  await holding.query('BEGIN');
  await holding.query('UPDATE rooms SET legal_hold = true WHERE id = $1', [room]);
  const swept = sweeper.sweep();
  await vi.waitFor(async () => {
    const { rows } = await pool.query('SELECT FROM pg_stat_activity WHERE wait_event_type = $1', ['Lock']);
    expect(rows).toHaveLength(1);
  }, 20_000);
  await holding.query('COMMIT');
  holding.release();
  await swept;
  expect(await fileRows()).toEqual([id]);
  expect(await contents()).toHaveLength(1);
});

test('The bytes of what was purged stay where another file has the same', async () => {
  const [one, two] = [(await upload('1.txt', 'same')).json, (await upload('2.txt', 'same')).json];
  await postNaming(1, [one.id]);
  await purge(1);
  await sweeper.sweep();
  expect(await fileRows()).toEqual([two.id]);
  expect(await statusFor('alice', two.id)).toBe(200);
});

test('Where no history is kept, files are for those who are there when they are posted', async () => {
  room = await newRoom(rig.chat, `fleeting ${randomUUID()}`, false);
  const [before, after] = [(await upload('1.txt', '1')).json.id, (await upload('2.txt', '2')).json.id];
  await postNaming(1, [before]);
  expect([await shownTo('bob'), await statusFor('bob', before)]).toEqual([[], 404]);
  await pool.query("INSERT INTO participants (room, member, pod, since) VALUES ($1, $2, 'p', now())", [
    ...[room, bob],
  ]);
  await postNaming(2, [after]);
  expect(await shownTo('bob')).toEqual([after]);
  expect([await statusFor('bob', before), await statusFor('bob', after)]).toEqual([404, 200]);
  const check = createFileCheck(database);
  await expect(check({ name: bob }, room, [before])).rejects.toMatchObject({ code: 'invalid' });
  // Who has uploaded them has them, and administrators have the history.
  expect(await shownTo('alice')).toEqual([before, after].sort());
  await check({ name: 'root', admin: true }, room, [before, after]);
  await pool.query('DELETE FROM participants WHERE room = $1', [room]);
  expect(await shownTo('bob')).toEqual([]);
});

test('A user sends a few files at one time, and others are not in the way', async () => {
  limits.uploadsAtOncePerUser = 2;
  const token = await rig.token('alice');
  const under = [1, 2].map(() => sending(token, { 'transfer-encoding': 'chunked' }));
  for (const { send } of under) send.write('half');
  await incoming(2);
  const refused = await upload('third.txt', 'third');
  expect([refused.status, refused.json.code]).toEqual([429, 'limit']);
  expect(refused.json.detail).toBe('a user may send 2 files at one time');
  expect(refused.headers['retry-after']).toBe('5');
  expect((await uploadOf('bob', 'b.txt', 'b')).status).toBe(201);
  for (const { send } of under) send.end('half');
  expect(await Promise.all(under.map(({ answer }) => answer))).toEqual([201, 201]);
  expect((await upload('third.txt', 'third')).status).toBe(201);
});

test('What a user may upload in a while is limited, also where several files come at once', async () => {
  limits.uploadMegabytesPerUser = 0.1;
  // What other tests have uploaded was yesterday.
  await pool.query("UPDATE files SET at = at - interval '25 hours'");
  const token = await rig.token('alice');
  // Without a length nothing is known before the end.
  const under = [1, 2].map(() => sending(token, { 'transfer-encoding': 'chunked' }));
  for (const { send } of under) send.write(Buffer.alloc(60_000));
  await incoming(2);
  for (const { send } of under) send.end();
  expect((await Promise.all(under.map(({ answer }) => answer))).sort()).toEqual([201, 429]);
  const refused = await upload('more.bin', Buffer.alloc(40_001));
  expect([refused.status, refused.json.code]).toEqual([429, 'limit']);
  expect(refused.json.detail).toBe(
    'you have used 60000 of 100000 bytes that may be uploaded in 24 hours: there is no room for this file',
  );
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(23 * 3600);
  expect(await fileRows()).toHaveLength(1);
  expect((await uploadOf('bob', 'b.bin', Buffer.alloc(60_000))).status).toBe(201);
  expect((await upload('less.bin', Buffer.alloc(40_000))).status).toBe(201);
  // In all rooms together, and no longer than the while is.
  room = await newRoom(rig.chat, `other ${randomUUID()}`);
  expect((await upload('other.bin', 'x')).status).toBe(429);
  await pool.query("UPDATE files SET at = at - interval '25 hours' WHERE uploaded_by = $1", [alice]);
  expect((await upload('other.bin', 'x')).status).toBe(201);
});

test('What a room may take in a while is limited, whoever uploads', async () => {
  limits.uploadMegabytesPerRoom = 0.1;
  expect((await upload('a.bin', Buffer.alloc(60_000))).status).toBe(201);
  const refused = await uploadOf('bob', 'b.bin', Buffer.alloc(60_000));
  expect([refused.status, refused.json.code]).toEqual([429, 'limit']);
  expect(refused.json.detail).toContain('this room has used 60000 of 100000 bytes');
  room = await newRoom(rig.chat, `other ${randomUUID()}`);
  expect((await uploadOf('bob', 'b.bin', Buffer.alloc(60_000))).status).toBe(201);
});

test('Where the disk has not enough space left, an upload is refused before its first byte', async () => {
  await rig.close();
  await start({ keepFreeMegabytes: 10_000_000 });
  const { send, answer, continued } = sending(await rig.token('alice'), {
    'content-length': '50000',
    expect: '100-continue',
  });
  send.flushHeaders();
  expect(await answer).toBe(507);
  expect(continued()).toBe(false);
  send.destroy();
  const refused = await upload('a.txt', 'hello');
  expect([refused.json.code, refused.json.detail]).toEqual(['full', 'the server has no room for more files']);
  await nothingLeft();
});

test('Where compliance is required and away, nothing is uploaded', async () => {
  complianceRequired = true;
  expect((await upload('a.txt', 'hello')).status).toBe(201);
  complianceThere = false;
  const refused = await upload('b.txt', 'hello');
  expect([refused.status, refused.json.code]).toEqual([503, 'unavailable']);
  expect(refused.json.detail).toBe('files are not taken here while they cannot be kept for compliance');
  expect(rig.chat.asked.filter(({ name }) => name === 'noteFile')).toHaveLength(1);
  complianceRequired = false;
  expect((await upload('b.txt', 'hello')).status).toBe(201);
});

test('Files may be kept in S3, and nothing of them stays on the pod', async () => {
  const s3 = await startS3('chat');
  const credentialsFile = join(lab.dir, 's3-credentials');
  await writeFile(credentialsFile, `${ACCESS_KEY}:${SECRET_KEY}`);
  await rig.close();
  await start({ s3: { endpoint: s3.url, bucket: 'chat', credentialsFile } });
  try {
    const kept = await upload('digits.txt', '0123456789');
    expect(kept.status).toBe(201);
    expect([...s3.objects.keys()]).toEqual([`/chat/${kept.json.sha256}`]);
    expect(await readdir(join(directory, 'incoming'))).toEqual([]);
    await postNaming(1, [kept.json.id]);
    const got = await rig.as('bob', kept.headers.location ?? '', { headers: { range: 'bytes=3-5' } });
    expect([got.status, got.text]).toEqual([206, '345']);
    s3.fail(507, 'XMinioStorageFull');
    const refused = await upload('more.txt', 'more');
    expect([refused.status, refused.json.code]).toEqual([507, 'full']);
    expect((await rig.as('bob', `/v1/rooms/${room}/files`)).json.files).toEqual([kept.json]);
    s3.fail(503, 'SlowDown');
    expect((await rig.as('bob', kept.headers.location ?? '')).status).toBe(503);
  } finally {
    await s3.stop();
  }
});

test('A scanner by HTTP sees the bytes, and its word counts', async () => {
  const scanner = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    response.writeHead(text.includes('EICAR') ? 406 : text.includes('broken') ? 500 : 204).end();
  });
  await new Promise<void>((resolve) => scanner.listen(0, '127.0.0.1', resolve));
  await rig.close();
  await start({ scan: { url: `http://127.0.0.1:${(scanner.address() as AddressInfo).port}/scan` } });
  try {
    expect((await upload('clean.txt', 'clean')).status).toBe(201);
    const refused = await upload('infected.txt', 'EICAR');
    expect([refused.status, refused.json.detail]).toEqual([400, 'the file was refused by the scanner']);
    expect((await upload('b.txt', 'broken')).status).toBe(503);
    expect((await rig.as('alice', `/v1/rooms/${room}/files`)).json.files).toHaveLength(1);
  } finally {
    scanner.closeAllConnections();
    scanner.close();
  }
});

test('curl sends a file only when it is wanted, and takes up a download where it stopped', async () => {
  const path = join(rig.dir, 'sent.bin');
  await writeFile(path, randomBytes(80_000));
  const curl = async (...args: string[]) => {
    const running = run('curl', [
      '-s',
      '-S',
      '--cacert',
      rig.caPath,
      '--digest',
      '--user',
      'alice:pw-alice',
      ...args,
    ]);
    if ((await running.exited) !== 0) throw new Error(running.output());
    return running.output();
  };
  const expecting = ['--header', 'expect: 100-continue', '--upload-file'];
  const sent = JSON.parse(await curl(...expecting, path, `${rig.url}/v1/rooms/${room}/files?name=sent.bin`));
  expect(sent.bytes).toBe(80_000);

  await writeFile(join(rig.dir, 'got.bin'), (await readFile(path)).subarray(0, 30_000));
  await curl('-C', '-', '-o', join(rig.dir, 'got.bin'), `${rig.url}/v1/rooms/${room}/files/${sent.id}`);
  expect((await readFile(join(rig.dir, 'got.bin'))).equals(await readFile(path))).toBe(true);

  await writeFile(path, Buffer.alloc(5_000_000));
  const refused = await curl(
    ...expecting,
    path,
    '-w',
    ' %{http_code} %{size_upload}',
    `${rig.url}/v1/rooms/${room}/files?name=large.bin`,
  );
  expect(refused).toMatch(/"code":"too-large".* 413 0$/s);
});

/** An upload whose bytes the test gives one by one. */
function sending(token: string, headers: Record<string, string>) {
  const send = request({
    host: '127.0.0.1',
    port: rig.port,
    agent: rig.agent,
    method: 'PUT',
    path: `/v1/rooms/${room}/files?name=a.bin`,
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  let continued = false;
  send.on('continue', () => {
    continued = true;
  });
  const answer = new Promise<number>((resolve, reject) => {
    send.on('error', reject);
    send.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
  });
  return { send, answer, continued: () => continued };
}
