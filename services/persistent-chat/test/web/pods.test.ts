// People's clients in rooms of the whole role: three pods, a real PostgreSQL and NATS, and compliance.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '@linchpin/backends';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createMatcher } from '../../src/web/match.ts';
import { table } from '../../src/web/table.ts';
import { address, createRig, type Pod, type Rig } from '../rig.ts';
import { type Answer, type Asking, createAsk, signIn } from './ask.ts';
import { openStream, type StreamReader } from './stream-reader.ts';

let dir: string;
let rig: Rig;
let agent: Agent;
let rooms = 0;
const readers: StreamReader[] = [];
const tokens = new Map<string, string>();
const match = createMatcher(table);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'linchpin-web-pods-'));
  const authority = createAuthority(join(dir, 'pki'));
  const [certPath, keyPath] = [join(dir, 'web.pem'), join(dir, 'web.key')];
  await authority.issue({ name: 'web', dns: ['localhost'], ips: ['127.0.0.1'], certPath, keyPath });
  await writeFile(join(dir, 'signing.key'), randomBytes(32));
  agent = new Agent({ ca: await readFile(authority.caPath), keepAlive: true });
  rig = await createRig({
    pods: 3,
    users: ['alice', 'bob', 'carol', 'admin'],
    strangers: ['dave'],
    limits: { maxFileKilobytes: 100, complianceIntervalMinutes: 1 },
    config: {
      signingKeyFile: join(dir, 'signing.key'),
      files: { directory: join(dir, 'files') },
      web: {
        address: '127.0.0.1',
        port: 0,
        tls: { cert: certPath, key: keyPath },
        administrators: [address('admin')],
        limits: { perUser: { perSecond: 0, burst: 1 }, perSource: { perSecond: 0, burst: 1 } },
      },
    },
  });
  const made = await as('admin', '/v1/categories', {
    method: 'POST',
    body: { name: 'General', allowed: ['domain:contoso.lab'], creators: [address('alice')] },
  });
  expect(made.status).toBe(201);
});
afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
});
afterAll(async () => {
  agent?.destroy();
  await rig?.close();
  await rm(dir, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: of any schema
const fieldsOf = (schema: any): Record<string, unknown> => schema.shape ?? {};

const portOf = (pod: Pod): number => pod.role.endpoints().find(({ name }) => name === 'web')?.port ?? 0;
const pod = (index: number): Pod => rig.pods[index] as Pod;

async function tokenOf(name: string): Promise<string> {
  const known = tokens.get(name);
  if (known) return known;
  const signed = await signIn(
    createAsk(() => portOf(pod(0)), agent),
    name,
    `pw-${name}`,
  );
  expect(signed.status).toBe(200);
  tokens.set(name, signed.json.access_token);
  return signed.json.access_token;
}

/** Every answer has to be what the OpenAPI document says of it. */
async function as(name: string, path: string, asking: Asking = {}, index = 0): Promise<Answer> {
  const ask = createAsk(() => portOf(pod(index)), agent);
  const headers = { authorization: `Bearer ${await tokenOf(name)}`, ...asking.headers };
  const answer = await ask(path, { ...asking, headers });
  const { route } = match(asking.method ?? 'GET', path.split('?')[0] ?? '');
  if (answer.status < 300) {
    expect(answer.status).toBe(
      route?.streams ? ((headers as Record<string, string>).range ? 206 : 200) : route?.status,
    );
    if (route?.answer) expect(route.answer.safeParse(answer.json).error).toBeUndefined();
  } else expect(answer.json).toMatchObject({ status: answer.status, code: expect.any(String) });
  return answer;
}

async function newRoom(more: Record<string, unknown> = {}): Promise<string> {
  const body = { name: `Room ${++rooms}`, category: 'General', members: [address('bob')], ...more };
  const made = await as('alice', '/v1/rooms', { method: 'POST', body });
  expect(made.status).toBe(201);
  return made.json.id;
}

const post = (name: string, room: string, body: string, index = 0, more = {}) =>
  as(
    name,
    `/v1/rooms/${room}/posts`,
    { method: 'POST', body: { clientId: crypto.randomUUID(), body, ...more } },
    index,
  );

async function follow(name: string, path: string, index: number, headers = {}): Promise<StreamReader> {
  const authorization = `Bearer ${await tokenOf(name)}`;
  const reader = await openStream({ port: portOf(pod(index)), agent }, path, { authorization, ...headers });
  readers.push(reader);
  return reader;
}

test('What is posted at one pod is told at another, and found at a third', async () => {
  const room = await newRoom();
  const reader = await follow('bob', `/v1/rooms/${room}/events`, 1);
  expect(await reader.until('joined')).toMatchObject({ data: { room: { id: room, roles: ['member'] } } });
  const posted = await post('alice', room, 'the quick brown fox, @bob');
  expect(posted.status).toBe(201);
  expect((await reader.until('post')).data).toEqual(posted.json);
  const again = await as('bob', `/v1/rooms/${room}/posts?limit=5`, {}, 2);
  expect(again.json.posts).toEqual([posted.json]);
  const found = await as('bob', '/v1/search?text=quick%20fox', {}, 2);
  expect(found.json.posts).toEqual([posted.json]);
  const unread = await as('bob', '/v1/unread', {}, 2);
  expect(unread.json.rooms).toContainEqual({ room, unread: 1, mentions: 1 });
  await as('bob', `/v1/rooms/${room}/read`, { method: 'PUT', body: { seq: posted.json.seq } }, 1);
  expect((await as('bob', '/v1/unread')).json.rooms.map((each: { room: string }) => each.room)).not.toContain(
    room,
  );
});

test('A post that is sent again to another pod is the same post', async () => {
  const room = await newRoom();
  const once = { method: 'POST', body: { clientId: 'the same', body: 'once' } };
  const answers = await Promise.all(
    [0, 1, 2].map((index) => as('bob', `/v1/rooms/${room}/posts`, once, index)),
  );
  expect(new Set(answers.map(({ json }) => json.seq)).size).toBe(1);
  expect((await as('alice', `/v1/rooms/${room}/posts`)).json.posts).toHaveLength(1);
});

test('Edits, reactions and deletions are told without what they took away', async () => {
  const room = await newRoom();
  const { seq } = (await post('bob', room, 'the first words')).json;
  const reader = await follow('alice', `/v1/rooms/${room}/events`, 2);
  await reader.until('joined');
  const path = `/v1/rooms/${room}/posts/${seq}`;
  await as('bob', path, { method: 'PATCH', body: { body: 'better words' } });
  await as('alice', `${path}/reactions/${encodeURIComponent('👍')}`, { method: 'PUT' });
  await as('bob', path, { method: 'DELETE' });
  const [edit, reaction, deletion] = [
    await reader.until('edit'),
    await reader.until('reaction'),
    await reader.until('delete'),
  ];
  expect(edit.data).toMatchObject({ post: seq, body: 'better words', by: address('bob') });
  expect(reaction.data).toMatchObject({ post: seq, reaction: '👍', set: true, by: address('alice') });
  expect(deletion.data).toMatchObject({ post: seq });
  expect(JSON.stringify([edit, deletion])).not.toContain('the first words');
  const [left] = (await as('alice', `/v1/rooms/${room}/posts`)).json.posts;
  expect(left).toMatchObject({ seq, body: '', deletedAt: expect.any(String) });
});

test('Who is removed from a room is put out of its stream, and does not come back', async () => {
  const room = await newRoom();
  const reader = await follow('bob', `/v1/rooms/${room}/events`, 1);
  await reader.until('joined');
  await as('alice', `/v1/rooms/${room}/access`, {
    method: 'PATCH',
    body: { remove: { members: [address('bob')] } },
  });
  expect((await reader.until('ended')).data).toMatchObject({ room, why: 'removed' });
  expect(await reader.next()).toBeUndefined();
  expect((await follow('bob', `/v1/rooms/${room}/events`, 2)).status).toBe(403);
  expect((await post('bob', room, 'still here?', 1)).status).toBe(403);
});

test('Rooms that are secret are not there for others, and who may not use it at all is told so', async () => {
  const room = await newRoom({ privacy: 'secret' });
  expect((await as('carol', `/v1/rooms/${room}`)).status).toBe(404);
  expect(
    (await as('carol', `/v1/rooms?text=Room`)).json.rooms.map(({ id }: { id: string }) => id),
  ).not.toContain(room);
  const refused = await signIn(
    createAsk(() => portOf(pod(1)), agent),
    'dave',
    'pw-dave',
  );
  expect(refused.status).toBe(403);
});

test('Files go in at one pod and out at another, posts name them, and compliance knows', async () => {
  const [room, other] = [await newRoom(), await newRoom()];
  const put = {
    method: 'PUT',
    body: randomBytes(50_000),
    headers: { 'content-type': 'application/octet-stream' },
  };
  const kept = await as('bob', `/v1/rooms/${room}/files?name=plan.bin`, put, 0);
  expect(kept.status).toBe(201);
  expect((await as('alice', `/v1/rooms/${room}/files/${kept.json.id}`, {}, 1)).status).toBe(404);
  expect((await post('bob', room, 'see the plan', 2, { files: [kept.json.id] })).json.files).toEqual([
    kept.json.id,
  ]);
  const got = await as(
    'alice',
    `/v1/rooms/${room}/files/${kept.json.id}`,
    { headers: { range: 'bytes=0-9' } },
    1,
  );
  expect(got.headers['content-range']).toBe('bytes 0-9/50000');
  expect((await post('bob', other, 'see the plan', 2, { files: [kept.json.id] })).status).toBe(400);
  expect((await as('carol', `/v1/rooms/${room}/files/${kept.json.id}`, {}, 1)).status).toBe(403);

  await vi.waitFor(async () => {
    const events = await rig.sql(
      "SELECT kind, by, event FROM events WHERE scope = $1 AND kind IN ('upload', 'download') ORDER BY seq",
      [room],
      'mgccomp',
    );
    expect(events.map(({ kind, by }) => [kind, by])).toEqual([
      ['upload', address('bob')],
      ['download', address('alice')],
    ]);
    expect(JSON.parse(String(events[0]?.event)).file).toMatchObject({
      name: 'plan.bin',
      sha256: kept.json.sha256,
    });
  }, 20_000);
});

test('Where no history is kept, who comes later is given no files, and what was missed is a gap', async () => {
  await as('admin', '/v1/categories', {
    method: 'POST',
    body: {
      name: 'Fleeting',
      chatHistory: false,
      allowed: ['domain:contoso.lab'],
      creators: [address('alice')],
    },
  });
  const room = await newRoom({ category: 'Fleeting', members: [address('bob'), address('carol')] });
  const there = await follow('bob', `/v1/rooms/${room}/events`, 1);
  await there.until('joined');
  const put = { method: 'PUT', body: 'the plan', headers: { 'content-type': 'application/octet-stream' } };
  const { id } = (await as('alice', `/v1/rooms/${room}/files?name=plan.txt`, put)).json;
  const posted = await post('alice', room, 'see the plan', 0, { files: [id] });
  expect((await there.until('post')).data.files).toEqual([id]);
  const late = await follow('carol', `/v1/rooms/${room}/events`, 2);
  expect((await late.until('joined')).data).toMatchObject({ history: [], room: { chatHistory: false } });
  const file = `/v1/rooms/${room}/files/${id}`;
  expect((await as('bob', file, {}, 2)).text).toBe('the plan');
  expect((await as('carol', file)).status).toBe(404);
  expect((await as('carol', `/v1/rooms/${room}/files`)).json.files).toEqual([]);
  expect((await post('carol', room, 'again', 0, { files: [id] })).status).toBe(400);

  const back = await follow('carol', `/v1/rooms/${room}/events`, 1, {
    'last-event-id': `${room}/${posted.json.seq - 1}`,
  });
  expect((await back.until('gap')).data).toMatchObject({ after: posted.json.seq - 1, kept: false });
});

test('What an administrator purges is gone with its file, bytes and all', async () => {
  const room = await newRoom();
  const put = {
    method: 'PUT',
    body: randomBytes(100),
    headers: { 'content-type': 'application/octet-stream' },
  };
  const { id, sha256 } = (await as('bob', `/v1/rooms/${room}/files?name=plan.bin`, put)).json;
  const { seq } = (await post('bob', room, 'see the plan', 1, { files: [id] })).json;
  const path = join(dir, 'files', 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  expect(await readFile(path)).toHaveLength(100);
  const purging = { method: 'POST', body: { seqs: [seq], why: 'a secret' } };
  expect((await as('admin', `/v1/rooms/${room}/purge`, purging, 2)).json.posts).toBe(1);
  for (const name of ['alice', 'bob'])
    expect((await as(name, `/v1/rooms/${room}/files/${id}`)).status).toBe(404);
  await vi.waitFor(() => expect(readFile(path)).rejects.toThrow('ENOENT'), 20_000);
  expect(await rig.sql('SELECT id FROM files WHERE id = $1', [id])).toEqual([]);
});

test('An auditorium and a category without files refuse what they do not allow', async () => {
  const room = await newRoom({ kind: 'auditorium', presenters: [address('carol')] });
  expect((await post('bob', room, 'me too')).status).toBe(403);
  const { seq } = (await post('carol', room, 'welcome')).json;
  // A reaction is no post: the audience may react to what it reads.
  const reaction = `/v1/rooms/${room}/posts/${seq}/reactions/${encodeURIComponent('👍')}`;
  expect((await as('bob', reaction, { method: 'PUT' })).status).toBe(204);
  expect((await as('carol', `/v1/rooms/${room}/posts`)).json.posts[0].reactions).toEqual([
    { reaction: '👍', by: [address('bob')] },
  ]);
  await as('admin', '/v1/categories', {
    method: 'POST',
    body: {
      name: 'No files',
      fileUpload: false,
      allowed: ['domain:contoso.lab'],
      creators: [address('alice')],
    },
  });
  const bare = await newRoom({ category: 'No files' });
  const put = { method: 'PUT', body: 'x', headers: { 'content-type': 'application/octet-stream' } };
  expect((await as('bob', `/v1/rooms/${bare}/files?name=a.txt`, put)).status).toBe(403);
});

test('Whatever is sent, no answer says that the server failed', async () => {
  const room = await newRoom();
  const nasty = [
    'x',
    "'; DROP TABLE posts; --",
    '%_\\',
    '../../etc/passwd',
    '\u202e\u0000',
    '\ud800',
    'ﬀ\u0301'.repeat(60),
    '-1',
    '0',
    '9007199254740991',
    '99999999999999999999',
    'NaN',
    'null',
    'true',
    '00000000-0000-0000-0000-000000000000',
    '2026-02-30T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '0000-01-01T00:00:00Z',
    'domain:',
    'group:\n',
    '<script>alert(1)</script>',
    '((((a+)+)+)+)$ & | ! : *',
  ];
  const failed: string[] = [];
  for (const { operation, method, path, query, body, open, streams, asAdministrator } of table) {
    if (open !== 'users' || streams?.some(({ type }) => type === 'text/event-stream')) continue;
    // But for what would end the test early.
    const name = asAdministrator && operation !== 'deleteRoom' ? 'admin' : 'alice';
    for (const text of nasty) {
      const encoded = encodeURIComponent(text.toWellFormed());
      const target = path.replace(/\{(\w+)\}/g, (_, name) =>
        name === 'room' && text !== 'x' ? room : encoded,
      );
      const search = Object.keys(query.shape).map((field) => `${field}=${encoded}`);
      const names = body ? Object.keys(fieldsOf(body)) : [];
      const number = Number(text);
      for (const value of [text, [text], { [text]: text }, number]) {
        const sent = body && Object.fromEntries(names.map((field) => [field, value]));
        const answer = await as(name, `${target}?${search.join('&')}`, { method, body: sent });
        if (answer.status >= 500) failed.push(`${answer.status} ${method} ${path} ${JSON.stringify(value)}`);
        if (body === undefined) break;
      }
      for (const field of Object.keys(query.shape)) {
        const answer = await as(name, `${target}?${field}=${encoded}`, { method });
        if (answer.status >= 500) failed.push(`${answer.status} ${method} ${path} ${field}=${text}`);
      }
    }
  }
  expect(failed).toEqual([]);
}, 180_000);

test('A pod that drains says goodbye to its readers, who go on elsewhere', async () => {
  const room = await newRoom();
  const leaving = await rig.another();
  const index = rig.pods.indexOf(leaving);
  const reader = await follow('bob', `/v1/rooms/${room}/events`, index);
  await reader.until('joined');
  await post('alice', room, 'before');
  await reader.until('post');
  const drained = leaving.started.drain();
  expect(await reader.until('ended')).toMatchObject({
    data: { why: expect.stringMatching(/^(moved|draining)$/) },
  });
  expect(await reader.next()).toBeUndefined();
  await post('alice', room, 'meanwhile');
  const back = await follow('bob', `/v1/rooms/${room}/events`, 1, { 'last-event-id': reader.lastId() });
  expect((await back.until('post')).data.body).toBe('meanwhile');
  await drained;
  await leaving.stop();
});

test('A pod dies, and whoever read there comes back to another and has missed nothing', async () => {
  const [here, there] = [await newRoom(), await newRoom()];
  const path = `/v1/events?room=${here}&room=${there}`;
  const reader = await follow('bob', path, 2);
  await reader.until('joined');
  await reader.until('joined');
  await post('alice', here, 'before 1');
  await post('alice', there, 'before 2');
  const told = [(await reader.until('post')).data.body, (await reader.until('post')).data.body];
  await pod(2).stop();
  while (await reader.next());
  for (let i = 0; i < 5; i++) {
    await post('alice', here, `missed ${i} here`, 1);
    await post('alice', there, `missed ${i} there`);
  }
  const back = await follow('bob', path, 1, { 'last-event-id': reader.lastId() });
  for (let i = 0; i < 10; i++) told.push((await back.until('post')).data.body);
  await post('alice', here, 'after');
  told.push((await back.until('post')).data.body);
  const missed = [0, 1, 2, 3, 4].flatMap((i) => [`missed ${i} here`, `missed ${i} there`]);
  expect(told.sort()).toEqual(['after', 'before 1', 'before 2', ...missed].sort());
});
