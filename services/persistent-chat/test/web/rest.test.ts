import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChatError } from '../../src/chat.ts';
import { createWebRig, type WebRig } from './rig.ts';

let rig: WebRig;

beforeAll(async () => {
  rig = await createWebRig({ web: { administrators: ['carol@contoso.lab'], limits: { bodyBytes: 4096 } } });
});
afterAll(() => rig.close());

test('A room is made, found, posted to and read', async () => {
  const made = await rig.as('alice', '/v1/rooms', {
    method: 'POST',
    body: { name: 'Sales / West', category: 'General', members: ['bob@contoso.lab'] },
  });
  expect(made.status).toBe(201);
  expect(made.headers.location).toBe(`/v1/rooms/${made.json.id}`);

  const named = await rig.as('bob', `/v1/rooms/${encodeURIComponent('Sales / West')}`);
  expect(named.json).toMatchObject({ id: made.json.id, categoryName: 'General', roles: ['member'] });

  const path = `/v1/rooms/${made.json.id}/posts`;
  const first = await rig.as('bob', path, { method: 'POST', body: { clientId: 'c1', body: 'hello' } });
  expect(first.status).toBe(201);
  const again = await rig.as('bob', path, { method: 'POST', body: { clientId: 'c1', body: 'hello' } });
  expect(again.json).toEqual(first.json);
  await rig.as('bob', path, { method: 'POST', body: { clientId: 'c2', body: 'and more' } });

  const read = await rig.as('alice', path);
  expect(read.json.posts.map(({ body }: { body: string }) => body)).toEqual(['hello', 'and more']);
  const after = await rig.as('alice', `${path}?after=${first.json.seq}&limit=1`);
  expect(after.json.posts.map(({ body }: { body: string }) => body)).toEqual(['and more']);
  const located = await rig.as('alice', first.headers.location ?? '');
  expect(located.json.posts).toEqual([first.json]);

  const found = await rig.as('alice', '/v1/search?text=more&room=Sales%20%2F%20West');
  expect(found.json.posts).toHaveLength(1);
  const edited = await rig.as('bob', `${path}/${first.json.seq}`, { method: 'PATCH', body: { body: 'hi' } });
  expect(edited.json).toMatchObject({ body: 'hi', editedAt: expect.any(String) });
  const reaction = `${path}/${first.json.seq}/reactions/${encodeURIComponent('👍')}`;
  expect((await rig.as('alice', reaction, { method: 'PUT' })).status).toBe(204);
  expect((await rig.as('alice', reaction, { method: 'DELETE' })).status).toBe(204);
  expect((await rig.as('bob', `${path}/${first.json.seq}`, { method: 'DELETE' })).status).toBe(204);
  const mark = await rig.as('alice', `/v1/rooms/${made.json.id}/read`, { method: 'PUT', body: { seq: 3 } });
  expect(mark.status).toBe(204);
});

test('What is null is unset, and what is not named stays', async () => {
  const { id } = rig.chat.addRoom('unset', ['alice@contoso.lab']);
  const set = await rig.as('alice', `/v1/rooms/${id}`, {
    method: 'PATCH',
    body: { invitations: false, addIn: 'x' },
  });
  expect(set.json).toMatchObject({ invitations: false, addIn: 'x', name: 'unset' });
  const unset = await rig.as('alice', `/v1/rooms/${id}`, { method: 'PATCH', body: { invitations: null } });
  expect(unset.json.invitations).toBeUndefined();
  expect(unset.json.addIn).toBe('x');
});

test('Only those whom the configuration names are administrators, and only for what is theirs', async () => {
  const { id } = rig.chat.addRoom('held', ['alice@contoso.lab']);
  const hold = { method: 'PUT', body: { hold: true } };
  expect((await rig.as('alice', `/v1/rooms/${id}/legal-hold`, hold)).status).toBe(403);
  expect((await rig.as('carol', `/v1/rooms/${id}/legal-hold`, hold)).json.legalHold).toBe(true);
  const post = await rig.as('carol', `/v1/rooms/${id}/posts`, {
    method: 'POST',
    body: { clientId: 'a', body: 'b' },
  });
  expect(post.status).toBe(403);
});

test.each([
  ['invalid', 400],
  ['forbidden', 403],
  ['not-found', 404],
  ['conflict', 409],
  ['too-large', 413],
  ['limit', 429],
  ['unavailable', 503],
  ['full', 507],
] as const)('%s is a problem of status %i', async (code, status) => {
  rig.chat.fail('unread', new ChatError(code, 'for this reason', status === 503 ? 7 : undefined));
  const answer = await rig.as('alice', '/v1/unread');
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(answer.json).toMatchObject({ type: 'about:blank', status, code, detail: 'for this reason' });
  const retry = status === 503 ? '7' : status === 429 ? '2' : undefined;
  expect(answer.headers['retry-after']).toBe(retry);
});

test('A defect is logged and says nothing of itself', async () => {
  rig.chat.fail('unread', new Error('the secret table is gone'));
  const answer = await rig.as('alice', '/v1/unread');
  expect(answer.status).toBe(500);
  expect(answer.text).not.toContain('secret');
  expect(rig.log()).toContain('the secret table is gone');
});

test('All that is wrong with a request is said at once', async () => {
  const answer = await rig.as('alice', '/v1/rooms/x/posts/none', { method: 'PATCH', body: { bodi: 'x' } });
  expect(answer.status).toBe(400);
  const places = answer.json.errors.map(({ at }: { at: string }) => at);
  expect(places).toEqual(['path.seq', 'body.body', 'body']);
});

test.each([
  ['a number that is none', 'GET', '/v1/rooms/x/posts?limit=1e1', undefined],
  ['a name that is not known', 'GET', '/v1/rooms/x/posts?limit=1&foo=2', undefined],
  ['a value twice', 'GET', '/v1/rooms/x/posts?limit=1&limit=2', undefined],
  ['NUL in a path', 'GET', '/v1/rooms/a%00b', undefined],
  ['NUL in a body', 'POST', '/v1/rooms', { name: 'a\0b', category: 'c' }],
  ['half a character', 'POST', '/v1/rooms', '{"name":"\\ud800","category":"c"}'],
  ['a prototype', 'POST', '/v1/rooms', '{"name":"a","category":"c","__proto__":{"admin":true}}'],
  ['no JSON', 'POST', '/v1/rooms', '{"name":'],
  ['no UTF-8', 'POST', '/v1/rooms', Buffer.from('{"name":"\xff"}', 'latin1')],
  ['nothing', 'POST', '/v1/rooms', undefined],
  ['a deep one', 'POST', '/v1/rooms', '['.repeat(4000)],
])('%s is refused with 400', async (_what, method, path, body) => {
  const answer = await rig.as('alice', path, { method, body });
  expect(answer.status).toBe(400);
  expect(answer.json.code).toBe('invalid');
});

test('A body that is too large is refused before and while it comes', async () => {
  const body = { clientId: 'x', body: 'y'.repeat(5000) };
  const told = await rig.as('alice', '/v1/rooms/x/posts', { method: 'POST', body });
  expect(told.status).toBe(413);
  const headers = { 'transfer-encoding': 'chunked' };
  const streamed = await rig.as('alice', '/v1/rooms/x/posts', {
    method: 'POST',
    body: JSON.stringify(body),
    headers,
  });
  expect(streamed.status).toBe(413);
});

test('Another type of body, and what is compressed, is refused', async () => {
  const type = { 'content-type': 'text/plain' };
  const plain = await rig.as('alice', '/v1/rooms', { method: 'POST', body: '{}', headers: type });
  expect(plain.status).toBe(415);
  const encoding = { 'content-encoding': 'gzip' };
  const compressed = await rig.as('alice', '/v1/rooms', { method: 'POST', body: '{}', headers: encoding });
  expect(compressed.status).toBe(415);
});

test('Paths and methods that are not there', async () => {
  expect((await rig.as('alice', '/v1/nothing')).status).toBe(404);
  expect((await rig.as('alice', '/v1/rooms/%zz')).status).toBe(404);
  expect((await rig.as('alice', '/v1/rooms//posts')).status).toBe(404);
  const wrong = await rig.as('alice', '/v1/rooms', { method: 'DELETE' });
  expect(wrong.status).toBe(405);
  expect(wrong.headers.allow).toBe('GET, HEAD, POST, OPTIONS');
  expect((await rig.as('alice', '/v1/events?room=x', { method: 'HEAD' })).status).toBe(405);
});

test('A path may come with scheme and authority before it', async () => {
  const host = `https://localhost:${rig.port}`;
  expect((await rig.as('alice', `${host}/v1/rooms?limit=1`)).json).toEqual({ rooms: expect.any(Array) });
  expect((await rig.as('alice', `HTTPS://other${'/v1/rooms?limit=0'}`)).json.detail).toContain('query.limit');
  for (const path of [host, `${host}?v1`, `ftp://localhost/v1/rooms`, `${host}//v1/rooms`])
    expect((await rig.as('alice', path)).status).toBe(404);
});

test('A head is that of the answer, without it', async () => {
  const head = await rig.as('alice', '/v1/categories', { method: 'HEAD' });
  const whole = await rig.as('alice', '/v1/categories');
  expect(head.status).toBe(200);
  expect(head.text).toBe('');
  expect(head.headers['content-length']).toBe(String(Buffer.byteLength(whole.text)));
});

test('No browser is to keep, guess, frame or run what is answered', async () => {
  for (const path of ['/v1/openapi.json', '/v1/rooms', '/nowhere']) {
    const { headers } = await rig.ask(path);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'strict-transport-security': 'max-age=31536000',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(headers['x-powered-by']).toBeUndefined();
  }
});

test('The caller is told what the pool holds users to', async () => {
  const { json } = await rig.as('alice', '/v1/server');
  expect(json).toMatchObject({
    user: 'alice@contoso.lab',
    pool: 'persistent-chat',
    maxMessageCharacters: 8192,
    maxFileBytes: 20_000_000,
  });
});
