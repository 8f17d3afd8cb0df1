import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { createAuthority } from '@linchpin/backends';
import { afterEach, expect, test, vi } from 'vitest';
import { createWebRig, type WebRig } from './rig.ts';

let rig: WebRig;
afterEach(() => rig.close());

async function dial(): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: rig.port, ca: rig.agent.options.ca as Buffer });
  await once(socket, 'secureConnect');
  return socket;
}

/** Everything until the other side ends it. */
async function rest(socket: TLSSocket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

test('A user has so many requests, wherever they come from, and others have their own', async () => {
  rig = await createWebRig({ web: { limits: { perUser: { perSecond: 0.001, burst: 2 } } } });
  await rig.token('alice');
  await rig.token('bob');
  expect((await rig.as('alice', '/v1/unread')).status).toBe(200);
  const refused = await rig.as('alice', '/v1/unread');
  expect(refused.status).toBe(429);
  expect(refused.headers['retry-after']).toBe('1');
  expect((await rig.as('bob', '/v1/unread')).status).toBe(200);
});

test('An address has so many requests, known or not', async () => {
  rig = await createWebRig({ web: { limits: { perSource: { perSecond: 0.001, burst: 2 } } } });
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await rig.ask('/v1/openapi.json')).status);
  expect(statuses).toEqual([200, 200, 429]);
});

test('A user has so many requests under way, and the place of one that is over is free', async () => {
  rig = await createWebRig({ web: { limits: { atOncePerUser: 1 } } });
  await rig.token('alice');
  const held = Promise.withResolvers<void>();
  rig.chat.hold('unread', held.promise);
  const waiting = rig.as('alice', '/v1/unread');
  await vi.waitFor(() => expect(rig.chat.asked.at(-1)?.name).toBe('unread'), { timeout: 10_000 });
  expect((await rig.as('alice', '/v1/invitations')).status).toBe(429);
  expect((await rig.as('bob', '/v1/invitations')).status).toBe(200);
  held.resolve();
  expect((await waiting).status).toBe(200);
  await vi.waitFor(async () => expect((await rig.as('alice', '/v1/invitations')).status).toBe(200), {
    timeout: 10_000,
  });
});

test('Heads that do not end are cut', async () => {
  rig = await createWebRig({ web: { limits: { headersSeconds: 1 } } });
  const socket = await dial();
  socket.write('GET /v1/openapi.json HTTP/1.1\r\nhost: x\r\nx-slow: ');
  expect(await rest(socket)).toMatch(/^HTTP\/1.1 408 /);
});

test('Bodies that do not end are cut', async () => {
  rig = await createWebRig({ web: { limits: { bodySeconds: 1 } } });
  const token = await rig.token('alice');
  const socket = await dial();
  socket.write(
    `POST /v1/rooms HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
  );
  expect(await rest(socket)).toMatch(/^HTTP\/1.1 408 .*did not come within 1 seconds/s);
});

test('A connection on which nothing happens is closed; one that waits for an answer is not', async () => {
  rig = await createWebRig({ web: { limits: { idleSeconds: 1 } } });
  await rig.token('alice');
  const held = Promise.withResolvers<void>();
  rig.chat.hold('unread', held.promise);
  const waiting = rig.as('alice', '/v1/unread');
  await vi.waitFor(() => expect(rig.chat.asked.at(-1)?.name).toBe('unread'), { timeout: 10_000 });
  // Each of them lasts as long as the one that waits might.
  for (let i = 0; i < 2; i++) expect(await rest(await dial())).toBe('');
  held.resolve();
  expect((await waiting).status).toBe(200);
});

test('A certificate that was renewed is shown to whoever comes next, and a broken one never', async () => {
  rig = await createWebRig();
  const serial = async () => (await dial()).getPeerX509Certificate()?.serialNumber;
  const before = await serial();
  const [certPath, keyPath] = [join(rig.dir, 'web.pem'), join(rig.dir, 'web.key')];
  const authority = createAuthority(join(rig.dir, 'pki'));
  await authority.issue({
    name: 'web',
    dns: ['localhost', 'chat.contoso.lab'],
    ips: ['127.0.0.1'],
    certPath,
    keyPath,
  });
  expect(await serial()).toBe(before);
  await rig.web.reload();
  const after = await serial();
  expect(after).not.toBe(before);
  await writeFile(certPath, 'nonsense');
  await rig.web.reload();
  expect(await serial()).toBe(after);
  expect(rig.log()).toContain('keeps the certificate');
});

test.each([
  ['what is no HTTP', 'HELO there\r\n\r\n', 400],
  ['two lengths', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 400],
  [
    'a length and chunks',
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
    400,
  ],
  ['a head that is too large', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
])('%s is refused', async (_what, text, status) => {
  rig = await createWebRig();
  const socket = await dial();
  socket.write(text);
  expect(await rest(socket)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});

test('Without TLS there is nothing', async () => {
  rig = await createWebRig();
  await expect(fetch(`http://127.0.0.1:${rig.port}/v1/openapi.json`)).rejects.toThrow();
});

test('Pages of other origins may read nothing and change nothing, unless they are configured', async () => {
  rig = await createWebRig({ web: { origins: ['https://chat.contoso.com'] } });
  const preflight = { 'access-control-request-method': 'POST' };
  const stranger = { origin: 'https://evil.example' };
  const asked = await rig.ask('/v1/rooms', { method: 'OPTIONS', headers: { ...stranger, ...preflight } });
  expect(asked.headers['access-control-allow-origin']).toBeUndefined();
  const forced = await rig.as('alice', '/v1/token', { method: 'POST', headers: stranger });
  expect(forced.status).toBe(403);
  const read = await rig.as('alice', '/v1/rooms', { headers: stranger });
  expect(read.headers['access-control-allow-origin']).toBeUndefined();

  const friend = { origin: 'https://chat.contoso.com' };
  const allowed = await rig.ask('/v1/rooms', { method: 'OPTIONS', headers: { ...friend, ...preflight } });
  expect(allowed.status).toBe(204);
  expect(allowed.headers).toMatchObject({
    'access-control-allow-origin': 'https://chat.contoso.com',
    'access-control-allow-methods': 'GET, HEAD, POST',
    'access-control-allow-headers': 'Authorization, Content-Type, Last-Event-ID, Range',
    vary: 'Origin',
  });
  expect(allowed.headers['access-control-allow-credentials']).toBeUndefined();
  const used = await rig.as('alice', '/v1/rooms', { headers: friend });
  expect(used.headers['access-control-allow-origin']).toBe('https://chat.contoso.com');
});
