// Who is shown which files of a room, and how they are given back.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { run } from '../../../../test/peers/process.ts';
import { createFileCheck } from '../../src/files/create-files.ts';
import { alice, bob, createFilesRig, createStore, type FilesRig, type Store } from './rig.ts';
import { ACCESS_KEY, SECRET_KEY, startS3 } from './s3-server.ts';

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

test('A file is kept, listed, and given back as it was', async () => {
  const bytes = randomBytes(90_000);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const kept = await rig.upload('Q3 Zahlen für “Müller”.bin', bytes);
  expect(kept.status).toBe(201);
  expect(kept.json).toEqual({
    id: expect.any(String),
    room: rig.room,
    name: 'Q3 Zahlen für “Müller”.bin',
    bytes: 90_000,
    type: 'application/octet-stream',
    sha256,
    by: alice,
    at: expect.any(String),
  });
  expect(kept.headers.location).toBe(`/v1/rooms/${rig.room}/files/${kept.json.id}`);
  await rig.postNaming(1, [kept.json.id]);
  expect((await rig.web.as('bob', `/v1/rooms/${rig.room}/files`)).json.files).toEqual([kept.json]);
  expect((await rig.web.as('bob', `/v1/rooms/${rig.room}/files?id=${kept.json.id}`)).json.files).toEqual([
    kept.json,
  ]);

  const got = await rig.web.as('bob', kept.headers.location ?? '', { method: 'HEAD' });
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
  const { json: file } = await rig.upload('a.txt', 'hello');
  await rig.postNaming(1, [file.id]);
  await rig.web.as('bob', `/v1/rooms/${rig.room}/files/${file.id}`, { method: 'HEAD' });
  await rig.web.as('bob', `/v1/rooms/${rig.room}/files/${file.id}`);
  const noted = rig.web.chat.asked.filter(({ name }) => name === 'noteFile');
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
  const { json: file } = await rig.upload('digits.txt', '0123456789');
  const got = await rig.web.as('alice', `/v1/rooms/${rig.room}/files/${file.id}`, { headers: { range } });
  expect(got.status).toBe(status);
  if (text !== undefined) expect(got.text).toBe(text);
  expect(got.headers['content-range']).toBe(contentRange);
});

test('The same bytes are stored once, and are two files', async () => {
  const [one, two] = [await rig.upload('one.txt', 'same'), await rig.upload('two.txt', 'same')];
  expect(one.json.sha256).toBe(two.json.sha256);
  expect(one.json.id).not.toBe(two.json.id);
  expect(await rig.contents()).toEqual([one.json.sha256]);
});

test('A file is that of its room', async () => {
  const { json: file } = await rig.upload('a.txt', 'hello');
  const other = await rig.newRoom(`other ${randomUUID()}`);
  expect((await rig.web.as('alice', `/v1/rooms/${other}/files/${file.id}`)).status).toBe(404);
  expect((await rig.web.as('carol', `/v1/rooms/${rig.room}/files/${file.id}`)).status).toBe(403);
  expect((await rig.web.as('alice', `/v1/rooms/${rig.room}/files/${randomUUID()}`)).status).toBe(404);
  expect((await rig.web.as('alice', `/v1/rooms/${rig.room}/files/..%2f..`)).status).toBe(400);
});

test('Files come in pages, the newest first', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.unshift((await rig.upload(`${i}.txt`, String(i))).json.id);
  const first = (await rig.web.as('alice', `/v1/rooms/${rig.room}/files?limit=3`)).json.files;
  const then = (await rig.web.as('alice', `/v1/rooms/${rig.room}/files?limit=3&before=${first[2].id}`)).json
    .files;
  expect([...first, ...then].map(({ id }) => id)).toEqual(ids);
});

test('A post may name files of its room only', async () => {
  const check = createFileCheck(store.database);
  const { json: file } = await rig.upload('a.txt', 'hello');
  await check({ name: alice }, rig.room, [file.id, file.id]);
  await expect(check({ name: alice }, rig.room, [file.id, randomUUID()])).rejects.toMatchObject({
    code: 'invalid',
  });
  const other = await rig.newRoom(`other ${randomUUID()}`);
  await expect(check({ name: alice }, other, [file.id])).rejects.toMatchObject({ code: 'invalid' });
});

test("A file is its uploader's own until a post names it, and others may not post it", async () => {
  const { id } = (await rig.upload('a.txt', 'hello')).json;
  expect([await rig.shownTo('alice'), await rig.shownTo('bob')]).toEqual([[id], []]);
  expect([await rig.statusFor('alice', id), await rig.statusFor('bob', id)]).toEqual([200, 404]);
  const check = createFileCheck(store.database);
  await check({ name: alice }, rig.room, [id]);
  await expect(check({ name: bob }, rig.room, [id])).rejects.toMatchObject({ code: 'invalid' });
  await rig.postNaming(1, [id]);
  expect([await rig.shownTo('alice'), await rig.shownTo('bob')]).toEqual([[id], [id]]);
  await check({ name: bob }, rig.room, [id]);
});

test('Where no history is kept, files are for those who are there when they are posted', async () => {
  rig.room = await rig.newRoom(`fleeting ${randomUUID()}`, false);
  const [before, after] = [
    (await rig.upload('1.txt', '1')).json.id,
    (await rig.upload('2.txt', '2')).json.id,
  ];
  await rig.postNaming(1, [before]);
  expect([await rig.shownTo('bob'), await rig.statusFor('bob', before)]).toEqual([[], 404]);
  await store.pool.query("INSERT INTO participants (room, member, pod, since) VALUES ($1, $2, 'p', now())", [
    ...[rig.room, bob],
  ]);
  await rig.postNaming(2, [after]);
  expect(await rig.shownTo('bob')).toEqual([after]);
  expect([await rig.statusFor('bob', before), await rig.statusFor('bob', after)]).toEqual([404, 200]);
  const check = createFileCheck(store.database);
  await expect(check({ name: bob }, rig.room, [before])).rejects.toMatchObject({ code: 'invalid' });
  // Who has uploaded them has them, and administrators have the history.
  expect(await rig.shownTo('alice')).toEqual([before, after].sort());
  await check({ name: 'root', admin: true }, rig.room, [before, after]);
  await store.pool.query('DELETE FROM participants WHERE room = $1', [rig.room]);
  expect(await rig.shownTo('bob')).toEqual([]);
});

test('Files may be kept in S3, and nothing of them stays on the pod', async () => {
  const s3 = await startS3('chat');
  const credentialsFile = join(store.lab.dir, 's3-credentials');
  await writeFile(credentialsFile, `${ACCESS_KEY}:${SECRET_KEY}`);
  await rig.close();
  rig = await createFilesRig(store, { files: { s3: { endpoint: s3.url, bucket: 'chat', credentialsFile } } });
  try {
    const kept = await rig.upload('digits.txt', '0123456789');
    expect(kept.status).toBe(201);
    expect([...s3.objects.keys()]).toEqual([`/chat/${kept.json.sha256}`]);
    expect(await readdir(join(rig.directory, 'incoming'))).toEqual([]);
    await rig.postNaming(1, [kept.json.id]);
    const got = await rig.web.as('bob', kept.headers.location ?? '', { headers: { range: 'bytes=3-5' } });
    expect([got.status, got.text]).toEqual([206, '345']);
    s3.fail(507, 'XMinioStorageFull');
    const refused = await rig.upload('more.txt', 'more');
    expect([refused.status, refused.json.code]).toEqual([507, 'full']);
    expect((await rig.web.as('bob', `/v1/rooms/${rig.room}/files`)).json.files).toEqual([kept.json]);
    s3.fail(503, 'SlowDown');
    expect((await rig.web.as('bob', kept.headers.location ?? '')).status).toBe(503);
  } finally {
    await s3.stop();
  }
});

test('curl sends a file only when it is wanted, and takes up a download where it stopped', async () => {
  const path = join(rig.web.dir, 'sent.bin');
  await writeFile(path, randomBytes(80_000));
  const curl = async (...args: string[]) => {
    const running = run('curl', [
      '-s',
      '-S',
      '--cacert',
      rig.web.caPath,
      '--digest',
      '--user',
      'alice:pw-alice',
      ...args,
    ]);
    if ((await running.exited) !== 0) throw new Error(running.output());
    return running.output();
  };
  const expecting = ['--header', 'expect: 100-continue', '--upload-file'];
  const sent = JSON.parse(
    await curl(...expecting, path, `${rig.web.url}/v1/rooms/${rig.room}/files?name=sent.bin`),
  );
  expect(sent.bytes).toBe(80_000);

  await writeFile(join(rig.web.dir, 'got.bin'), (await readFile(path)).subarray(0, 30_000));
  await curl(
    '-C',
    '-',
    '-o',
    join(rig.web.dir, 'got.bin'),
    `${rig.web.url}/v1/rooms/${rig.room}/files/${sent.id}`,
  );
  expect((await readFile(join(rig.web.dir, 'got.bin'))).equals(await readFile(path))).toBe(true);

  await writeFile(path, Buffer.alloc(5_000_000));
  const refused = await curl(
    ...expecting,
    path,
    '-w',
    ' %{http_code} %{size_upload}',
    `${rig.web.url}/v1/rooms/${rig.room}/files?name=large.bin`,
  );
  expect(refused).toMatch(/"code":"too-large".* 413 0$/s);
});
