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
const limits = { maxFileKilobytes: 100, blockedFileTypes: ['exe', 'js'] };

let lab: Lab;
let pool: Pool;
let database: Database;
let rig: WebRig;
let sweeper: Sweeper;
let directory: string;
let room: string;
let held: { all: boolean; subjects: string[] };
/** Rights are taken away here. */
let rights: { mayRead: boolean; mayUpload: boolean };

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
  rig = await createWebRig({
    web,
    files(chat, dir) {
      directory = join(dir, 'files');
      const made = createFilesOfPod({
        config: { dataDir: dir, files: persistentChatConfig.shape.files.parse(files) },
        database,
        standing: async (caller, ref) => ({ room: await chat.room(caller, ref), ...rights }),
        noteFile: chat.noteFile,
        limits: () => limits,
        heldIn: async () => held,
        metrics: new Registry(),
        log,
      });
      sweeper = made.sweeper;
      return made.files;
    },
  });
  room = await newRoom(rig.chat, `room ${randomUUID()}`);
}

async function newRoom(chat: FakeChat, name: string): Promise<string> {
  const { id } = chat.addRoom(name, [alice, 'bob@contoso.lab']);
  const category = randomUUID();
  await pool.query('INSERT INTO categories (id, name) VALUES ($1, $2)', [category, `of ${name}`]);
  await pool.query('INSERT INTO rooms (id, category, name) VALUES ($1, $2, $3)', [id, category, name]);
  return id;
}

const bytesType = { 'content-type': 'application/octet-stream' };
const upload = (name: string, body: Buffer | string, headers: Record<string, string> = bytesType) =>
  rig.as('alice', `/v1/rooms/${room}/files?name=${encodeURIComponent(name)}`, {
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

/** Writes into the table what a post would. */
const postNaming = async (seq: number, files: string[], author = alice) => {
  await pool.query(
    "INSERT INTO posts (room, seq, author, at, client_id, body, files) VALUES ($1, $2::bigint, $3, now(), $2::bigint::text, '', $4)",
    [room, seq, author, files],
  );
};

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
  await vi.waitFor(async () => expect(await readdir(join(directory, 'incoming'))).toHaveLength(1));
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
  await vi.waitFor(async () => expect(await readdir(join(directory, 'incoming'))).toHaveLength(1));
  send.destroy();
  await expect(answer).rejects.toThrow();
  await vi.waitFor(nothingLeft);
  expect(rig.log()).toBe('');
});

test('Who takes longer than a file may take is cut off, and leaves nothing', async () => {
  await rig.close();
  await start({}, { limits: { requestSeconds: 1, headersSeconds: 1 } });
  const { send, answer } = sending(await rig.token('alice'), { 'content-length': '50000' });
  send.write(Buffer.alloc(20_000));
  expect(await answer).toBe(408);
  send.destroy();
  await vi.waitFor(nothingLeft);
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

test('Files that no post names go when their category keeps nothing for so long, but for what a legal hold keeps', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.push((await upload(`${i}.txt`, String(i))).json.id);
  const left = async () =>
    (await pool.query('SELECT id FROM files WHERE room = $1', [room])).rows.map(({ id }) => id).sort();
  await pool.query(
    'UPDATE categories SET retention_days = 30 WHERE id = (SELECT category FROM rooms WHERE id = $1)',
    [room],
  );
  await postNaming(1, [ids[0] as string]);
  await pool.query("UPDATE files SET at = at - interval '31 days' WHERE id = ANY($1)", [ids]);
  await pool.query("UPDATE files SET uploaded_by = 'Bob@contoso.lab' WHERE id = $1", [ids[1]]);
  await pool.query('UPDATE rooms SET legal_hold = true WHERE id = $1', [room]);
  await sweeper.sweep();
  expect(await left()).toEqual([...ids].sort());
  await pool.query('UPDATE rooms SET legal_hold = false WHERE id = $1', [room]);
  held = { all: false, subjects: ['bob@contoso.lab'] };
  await sweeper.sweep();
  expect(await left()).toEqual(ids.slice(0, 2).sort());
  held = { all: false, subjects: [] };
  await sweeper.sweep();
  expect(await left()).toEqual([ids[0]]);
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

test('Who deletes a post takes its files back, unless another post names them', async () => {
  const [one, two] = [(await upload('1.txt', '1')).json.id, (await upload('2.txt', '2')).json.id];
  await postNaming(1, [one, two]);
  await postNaming(2, [two]);
  await pool.query('UPDATE posts SET deleted_at = now() WHERE room = $1 AND seq = 1', [room]);
  expect((await rig.as('bob', `/v1/rooms/${room}/files/${one}`)).status).toBe(404);
  expect((await rig.as('bob', `/v1/rooms/${room}/files/${two}`)).status).toBe(200);
  const left = (await rig.as('bob', `/v1/rooms/${room}/files`)).json.files;
  expect(left.map(({ id }: { id: string }) => id)).toEqual([two]);
});

test('What is purged takes along the files of its authors that nobody else names', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.push((await upload(`${i}.txt`, String(i))).json.id);
  await postNaming(1, ids);
  await postNaming(2, [ids[1] as string], 'bob@contoso.lab');
  await pool.query("UPDATE files SET uploaded_by = 'bob@contoso.lab' WHERE id = $1", [ids[2]]);
  await pool.query('DELETE FROM posts WHERE room = $1 AND seq = 1', [room]);
  const { rows } = await pool.query('SELECT id FROM files WHERE room = $1', [room]);
  expect(rows.map(({ id }) => id).sort()).toEqual(ids.slice(1).sort());
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
  const answer = new Promise<number>((resolve, reject) => {
    send.on('error', reject);
    send.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
  });
  return { send, answer };
}
