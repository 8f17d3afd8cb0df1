import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerChallenge } from '@linchpin/sip';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { firstOf, signIn } from './ask.ts';
import { createWebRig, type WebRig } from './rig.ts';

let keys: string;
let signingKeyFile: string;
let rig: WebRig;

beforeAll(async () => {
  keys = await mkdtemp(join(tmpdir(), 'linchpin-key-'));
  signingKeyFile = join(keys, 'signing.key');
  await writeFile(signingKeyFile, randomBytes(32));
});
beforeEach(async () => {
  rig = await createWebRig({
    signingKeyFile,
    web: {
      limits: {
        failuresPerSource: { perSecond: 0.01, burst: 3 },
        failuresPerUser: { perSecond: 0.005, burst: 2 },
      },
    },
  });
});
afterEach(() => rig.close());
afterAll(() => rm(keys, { recursive: true }));

async function challenge(path = '/v1/unread', method = 'GET'): Promise<string> {
  const { status, headers, json } = await rig.ask(path, { method });
  expect(status).toBe(401);
  expect(json.code).toBe('unauthenticated');
  return headers['www-authenticate'] ?? '';
}

const answered = (challenge: string, more: Partial<Parameters<typeof answerChallenge>[1]> = {}) => ({
  authorization: answerChallenge(challenge, {
    username: 'alice',
    password: 'pw-alice',
    method: 'GET',
    uri: '/v1/unread',
    ...more,
  }),
});

test('The challenge offers what the configuration allows, SHA-256 first, for the SIP domain', async () => {
  const all = await challenge();
  const [first = '', second] = all.split(', Digest ');
  expect(first).toMatch(/^Digest realm="contoso.lab", nonce="[^"]{44}", qop="auth", algorithm=SHA-256$/);
  expect(second).toMatch(/algorithm=MD5$/);
});

test('A name with its domain or without is signed in by each algorithm, again and again by one nonce', async () => {
  const [sha = '', md5 = ''] = (await challenge()).split(', Digest ');
  for (const username of ['alice', 'alice@contoso.lab'])
    for (const [offer, counts] of [
      [sha, [1, 2, 3]],
      [`Digest ${md5}`, [4, 5]],
    ] as const)
      for (const ncCount of counts) {
        const count = username === 'alice' ? ncCount : ncCount + 5;
        const answer = await rig.ask('/v1/unread', {
          headers: answered(offer, { username, ncCount: count }),
        });
        expect(answer.status).toBe(200);
      }
});

test('An answer is good once, and for what it was made for', async () => {
  const headers = answered(firstOf(await challenge()));
  expect((await rig.ask('/v1/unread', { headers })).status).toBe(200);
  const replayed = await rig.ask('/v1/unread', { headers });
  expect(replayed.status).toBe(401);
  expect(replayed.headers['www-authenticate']).toContain('stale=true');
  const fresh = answered(firstOf(await challenge()));
  expect((await rig.ask('/v1/invitations', { headers: fresh })).status).toBe(400);
  expect((await rig.ask('/v1/unread', { method: 'HEAD', headers: fresh })).status).toBe(401);
});

test('Wrong passwords, unknown people and forged nonces look the same', async () => {
  const offer = firstOf(await challenge());
  const wrong = await rig.ask('/v1/unread', { headers: answered(offer, { password: 'x' }) });
  const unknown = await rig.ask('/v1/unread', { headers: answered(offer, { username: 'nobody' }) });
  expect([wrong.status, unknown.status]).toEqual([401, 401]);
  expect(wrong.json).toEqual(unknown.json);
  const forged = offer.replace(/nonce="[^"]*"/, `nonce="${'A'.repeat(44)}"`);
  expect((await rig.ask('/v1/unread', { headers: answered(forged) })).status).toBe(401);
});

test('An answer for a path is good for the absolute form of it, whatever wrote that', async () => {
  const headers = answered(firstOf(await challenge()));
  expect((await rig.ask('https://chat.contoso.lab/v1/unread', { headers })).status).toBe(200);
});

test('What cannot be read of an answer is named', async () => {
  const authorization = `${answered(firstOf(await challenge())).authorization}, nc=${'0'.repeat(99)}`;
  const { status, json } = await rig.ask('/v1/unread', { headers: { authorization } });
  expect([status, json.detail]).toEqual([400, expect.stringMatching(/^Malformed credentials/)]);
});

test('An answer without qop is not taken', async () => {
  const offer = firstOf(await challenge()).replace(', qop="auth"', '');
  expect((await rig.ask('/v1/unread', { headers: answered(offer) })).status).toBe(401);
});

test('Too many wrong passwords from one address are not even looked at', async () => {
  const offer = firstOf(await challenge());
  for (const username of ['bob', 'carol', 'dave'])
    expect((await rig.ask('/v1/unread', { headers: answered(offer, { username }) })).status).toBe(401);
  const right = await rig.ask('/v1/unread', { headers: answered(offer) });
  expect(right.status).toBe(429);
  expect(right.headers['retry-after']).toBe('100');
  expect(right.json.detail).toBe('too many wrong passwords came from this address');
});

test('Too many wrong passwords for one user stop neither others nor whoever is known there', async () => {
  const offer = firstOf(await challenge());
  const wrong = () => rig.ask('/v1/unread', { headers: answered(offer, { username: 'bob' }) });
  expect((await rig.ask('/v1/unread', { headers: answered(offer) })).status).toBe(200);
  expect([(await wrong()).status, (await wrong()).status]).toEqual([401, 401]);
  const third = await wrong();
  expect([third.status, third.json.detail]).toEqual([
    429,
    'too many wrong passwords were given for this user',
  ]);
  expect(third.headers['retry-after']).toBe('200');
  expect((await rig.ask('/v1/unread', { headers: answered(offer, { ncCount: 2 }) })).status).toBe(200);
});

test('Who may not use Persistent Chat is told so, after the right password only', async () => {
  const user = rig.users.get('alice');
  rig.users.set('alice', { ...user, persistentChatPolicy: { enabled: false } } as never);
  const offer = firstOf(await challenge());
  expect((await rig.ask('/v1/unread', { headers: answered(offer, { password: 'x' }) })).status).toBe(401);
  expect((await rig.ask('/v1/unread', { headers: answered(offer) })).status).toBe(403);
});

test.each([
  'Digest username="alice"',
  'Digest',
  'Digest ,,,',
  'Basic YTpi',
  'Bearer',
  `Digest nc=${'0'.repeat(99)}`,
])('%s is no way in', async (authorization) => {
  const { status } = await rig.ask('/v1/unread', { headers: { authorization } });
  expect([400, 401]).toContain(status);
});

test('A token is asked for by digest, works, and is not asked for by itself', async () => {
  const signed = await signIn(rig.ask, 'alice', 'pw-alice');
  expect(signed.json).toEqual({ access_token: expect.any(String), token_type: 'Bearer', expires_in: 3600 });
  const headers = { authorization: `Bearer ${signed.json.access_token}` };
  expect((await rig.ask('/v1/unread', { headers })).status).toBe(200);
  expect(rig.chat.asked.at(-1)).toEqual({ name: 'unread', caller: { name: 'alice@contoso.lab' } });
  expect((await rig.ask('/v1/token', { method: 'POST', headers })).status).toBe(401);
});

test('Another pod with the same key takes nonces and tokens, one with another key does not', async () => {
  const other = await createWebRig({ signingKeyFile });
  const stranger = await createWebRig();
  try {
    const headers = { authorization: `Bearer ${await rig.token('alice')}` };
    expect((await other.ask('/v1/unread', { headers })).status).toBe(200);
    const digest = answered(firstOf(await challenge()));
    expect((await other.ask('/v1/unread', { headers: digest })).status).toBe(200);
    const refused = await stranger.ask('/v1/unread', { headers });
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
  } finally {
    await other.close();
    await stranger.close();
  }
});

test('A token ends with the password, and with the account', async () => {
  const headers = { authorization: `Bearer ${await rig.token('alice')}` };
  rig.addUser('alice', 'another');
  expect((await rig.ask('/v1/unread', { headers })).status).toBe(401);
  rig.addUser('alice');
  expect((await rig.ask('/v1/unread', { headers })).status).toBe(200);
  rig.users.delete('alice');
  expect((await rig.ask('/v1/unread', { headers })).status).toBe(401);
});
