// baresip inside, linphone outside, and a plain client over UDP share a room by its SIP URI, through three pods of Persistent
// Chat. The pod that serves the room dies, and the talk goes on.
import { createRpcClient } from '@linchpin/host';
import { ChatClient, type PostRequest } from '@linchpin/proto/chat/v1/chat';
import type { SipRequest } from '@linchpin/sip';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Baresip, startBaresip } from '../peers/baresip.ts';
import { startNameServer } from '../peers/dns.ts';
import { type Linphone, startLinphone } from '../peers/linphone.ts';
import { bodyOf, createUserAgent, type UserAgent } from '../peers/ua.ts';
import type { Pod } from '../pool/pod.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';

const ROOM = 'room-sales-eu@contoso.lab';
const [anna, bert, carl, dora] = [0, 1, 2, 3].map((n) => `u${n}@contoso.lab`) as [
  string,
  string,
  string,
  string,
];

let pool: PoolLab;
let names: Awaited<ReturnType<typeof startNameServer>>;
let baresip: Baresip;
let linphone: Linphone;
let plain: UserAgent;
let chat: ChatClient;

const wait = { timeout: 20_000, interval: 50 };

/** A unary call as an administrator, or in the name of a user. */
const call = <T>(ask: (done: (error: Error | null, answer: T) => void) => unknown): Promise<T> =>
  new Promise((resolve, reject) => {
    ask((error, answer) => (error ? reject(error) : resolve(answer)));
  });

const connect = async (pod: Pod): Promise<ChatClient> =>
  createRpcClient(
    ChatClient,
    `127.0.0.1:${pod.ports.rpc}`,
    'persistent-chat',
    await pool.lab.mtls('admin', 'admin-0'),
  );

/** What the room has told it, in order; commands' answers are no posts. */
const posts = (requests: readonly SipRequest[]): string[] =>
  requests.filter((request) => request.has('linchpin-post')).map(bodyOf);
const heardByBaresip = (text: string) => baresip.waitForOutput(new RegExp(`sip:${ROOM}: "${text}"`));
const heardByLinphone = (text: string) =>
  linphone.waitForLog(
    new RegExp(
      `MESSAGE sip:u1@[^\\n]*\\n(?:[\\w-]+:[^\\n]*\\n)*?From: "Sales EU" <sip:${ROOM}>[\\s\\S]*?${text}`,
    ),
  );
const heardByPlain = (text: string) => expect.poll(() => posts(plain.requests), wait).toContain(text);

beforeAll(async () => {
  pool = await startPool({ frontends: 2, directors: 1, edges: 1, chats: 3, users: 4 });
  await pool.view.ownedBy(pool.pods('frontend').map(({ name }) => name));
  chat = await connect(pool.pods('persistent-chat')[0] as Pod);
  const caller = { user: '' };
  const allowed = { principals: ['domain:contoso.lab'] };
  const category = { name: 'Trade', allowed, denied: undefined, creators: undefined };
  await call((done) => chat.createCategory({ caller, spec: category }, done));
  const spec = { name: 'Sales EU', category: 'Trade' };
  const access = { members: [anna, bert, carl], managers: [], presenters: [] };
  await call((done) => chat.createRoom({ caller, spec, access }, done));

  names = await startNameServer();
  const { ca: caFile } = await pool.lab.sipTls(pool.domain);
  const [one, two] = pool.pods('frontend') as [Pod, Pod];
  const [edge] = pool.pods('edge') as [Pod];
  baresip = await startBaresip({
    user: anna,
    password: pool.password(anna),
    server: `localhost:${one.ports.listeners['sip-tls']}`,
    caFile,
    nameServerPort: names.port,
    contacts: [ROOM],
  });
  await baresip.waitForOutput(/REGISTER_OK/);
  linphone = await startLinphone({
    user: bert,
    password: pool.password(bert),
    server: `localhost:${edge.ports.listeners['access-tls']}`,
    caFile,
  });
  await linphone.until('register-status ALL', /State: LinphoneRegistrationOk/);
  plain = await createUserAgent(carl, pool.password(carl), { udp: two.ports.listeners['sip-udp'] ?? 0 });
  expect((await plain.register()).status).toBe(200);
});

afterAll(async () => {
  chat?.close();
  plain?.close();
  await linphone?.stop();
  await baresip?.stop();
  await names?.stop();
  await pool?.close();
});

describe('a room', () => {
  it('is joined by who asks for it, or posts', async () => {
    await linphone.command(`message sip:${ROOM} /join`);
    await heardByLinphone('You are in Sales EU');
    await baresip.command('message', 'good morning from baresip');
    await heardByLinphone('u0: good morning from baresip');
  });

  it('tells all others what one posts', async () => {
    expect((await plain.message(ROOM, 'good morning from UDP')).status).toBe(202);
    await heardByBaresip('u2: good morning from UDP');
    await heardByLinphone('u2: good morning from UDP');
    await linphone.command(`message sip:${ROOM} good morning from outside`);
    await heardByBaresip('u1: good morning from outside');
    await heardByPlain('u1: good morning from outside');
    expect(posts(plain.requests)).not.toContain('u2: good morning from UDP');
  });

  it('is the same for who uses another surface', async () => {
    const posting: PostRequest = {
      caller: { user: anna },
      room: 'Sales EU',
      clientId: 'by gRPC',
      body: 'good morning by gRPC',
      subject: '',
      thread: 0,
      files: [],
    };
    await call((done) => chat.sendPost(posting, done));
    await heardByLinphone('u0: good morning by gRPC');
    await heardByPlain('u0: good morning by gRPC');
    const history = await call<{ posts: { by: string; body: string }[] }>((done) =>
      chat.history({ caller: { user: carl }, room: 'Sales EU', before: 0, after: 0, limit: 10 }, done),
    );
    expect(history.posts.map(({ by, body }) => `${by} ${body}`)).toEqual([
      `${anna} good morning from baresip`,
      `${carl} good morning from UDP`,
      `${bert} good morning from outside`,
      `${anna} good morning by gRPC`,
    ]);
  });

  it('answers commands', async () => {
    await baresip.command('message', '/who');
    await heardByBaresip('In Sales EU: you, u1, u2');
    await linphone.command(`message sip:${ROOM} /history 1`);
    await heardByLinphone('[\\d-]+ [\\d:]+ u0: good morning by gRPC');
  });

  it('takes no calls, and nothing from who is no member', async () => {
    await baresip.command('dial', `sip:${ROOM}`);
    await baresip.waitForOutput(/session closed: 488 A room has no calls/);
    const stranger = await createUserAgent(dora, pool.password(dora), {
      udp: (pool.pods('frontend')[0] as Pod).ports.listeners['sip-udp'] ?? 0,
    });
    expect((await stranger.message(ROOM, 'let me in')).status).toBe(403);
    expect((await stranger.message('room-nowhere@contoso.lab', 'let me in')).status).toBe(404);
    stranger.close();
  });
});

describe('when the pod that serves the room is killed', () => {
  it('what was accepted is there once, and everybody is told it', async () => {
    const sent: string[] = [];
    const send = async (n: number): Promise<void> => {
      const text = `number ${n}`;
      const { status } = await plain.message(ROOM, text);
      // Refused with 503 it comes again later, as a new message.
      if (status === 202) sent.push(text);
    };
    for (let n = 0; n < 10; n++) await send(n);
    const counts = await Promise.all(
      pool.pods('persistent-chat').map((pod) => pod.metric('linchpin_chat_sip_sessions')),
    );
    const serving = pool.pods('persistent-chat')[counts.findIndex((count) => count > 0)] as Pod;
    const going = Array.from({ length: 20 }, (_, n) => send(10 + n));
    await pool.kill9(serving);
    await Promise.all(going);
    for (let n = 30; n < 40; n++) await send(n);
    expect(sent.length).toBeGreaterThanOrEqual(20);
    const [other] = pool.pods('persistent-chat') as [Pod];
    const left = await connect(other);
    const { posts: stored } = await call<{ posts: { body: string }[] }>((done) =>
      left.history({ caller: { user: anna }, room: 'Sales EU', before: 0, after: 4, limit: 100 }, done),
    );
    left.close();
    const bodies = stored.map(({ body }) => body).filter((body) => body.startsWith('number'));
    expect(bodies.filter((body, at) => bodies.indexOf(body) !== at)).toEqual([]);
    expect(bodies).toEqual(expect.arrayContaining(sent));
    for (const text of sent) await heardByBaresip(`u2: ${text}`);
    for (const text of sent) await heardByLinphone(`u2: ${text}`);
  });
});
