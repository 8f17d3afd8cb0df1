// People write to a room by SIP while pods of Persistent Chat are killed one after the other: what was accepted is stored once,
// and everybody else was told of it. The clients are on TCP, and send nothing twice by themselves.
import { createRpcClient } from '@linchpin/host';
import { ChatClient, type HistoryReply } from '@linchpin/proto/chat/v1/chat';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bodyOf, createUserAgent, type UserAgent } from '../peers/ua.ts';
import type { Pod } from '../pool/pod.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';

const ROOM = 'room-desk@contoso.lab';
const KILLS = 4;

let pool: PoolLab;
const agents: UserAgent[] = [];

const call = <T>(ask: (done: (error: Error | null, answer: T) => void) => unknown): Promise<T> =>
  new Promise((resolve, reject) => {
    ask((error, answer) => (error ? reject(error) : resolve(answer)));
  });

async function connect(): Promise<ChatClient> {
  const mtls = await pool.lab.mtls('admin', 'admin-0');
  const [pod] = pool.pods('persistent-chat') as [Pod];
  return createRpcClient(ChatClient, `127.0.0.1:${pod.ports.rpc}`, 'persistent-chat', mtls);
}

/** What the room has told a client: text by Call-ID, and how often. */
function heard({ requests }: UserAgent): Map<string, { text: string; times: number }> {
  const by = new Map<string, { text: string; times: number }>();
  for (const request of requests.filter((one) => one.has('linchpin-post'))) {
    const known = by.get(request.callId);
    by.set(request.callId, { text: bodyOf(request), times: (known?.times ?? 0) + 1 });
  }
  return by;
}

beforeAll(async () => {
  pool = await startPool({ frontends: 2, directors: 0, edges: 0, chats: 3, users: 3 });
  await pool.view.ownedBy(pool.pods('frontend').map(({ name }) => name));
  // They write as fast as they are answered.
  await pool.publish([
    { kind: 'PersistentChatConfiguration', name: 'global', spec: { postsPerSecondPerUser: 1000 } },
  ]);
  const chat = await connect();
  const allowed = { principals: ['domain:contoso.lab'] };
  const caller = { user: '' };
  const category = { name: 'Trade', allowed, denied: undefined, creators: undefined };
  await call((done) => chat.createCategory({ caller, spec: category }, done));
  const access = { members: [...pool.users], managers: [], presenters: [] };
  await call((done) => chat.createRoom({ caller, spec: { name: 'Desk', category: 'Trade' }, access }, done));
  chat.close();
  for (const [n, user] of pool.users.entries()) {
    const frontEnd = pool.pods('frontend')[n % 2] as Pod;
    const tcp = frontEnd.ports.listeners['sip-tcp'] ?? 0;
    const agent = await createUserAgent(user, pool.password(user), { tcp });
    agents.push(agent);
    expect((await agent.register()).status).toBe(200);
    expect((await agent.message(ROOM, '/join')).status).toBe(200);
  }
});
afterAll(async () => {
  for (const agent of agents) agent.close();
  await pool?.close();
});

it('no post that was accepted is lost or stored twice, and nobody misses one', async () => {
  const accepted: string[] = [];
  const statuses = new Map<number, number>();
  let goesOn = true;
  const writers = agents.map(async (agent) => {
    const [name] = agent.user.split('@');
    for (let n = 0; goesOn; n++) {
      const text = `${name} ${n}`;
      const { status } = await agent.message(ROOM, text);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 202) accepted.push(text);
      else await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
  for (let kill = 0; kill < KILLS; kill++) {
    const before = accepted.length;
    await expect.poll(() => accepted.length - before, { timeout: 30_000 }).toBeGreaterThan(20);
    const pods = pool.pods('persistent-chat');
    const pod = pods[Math.floor(Math.random() * pods.length)] as Pod;
    await pool.kill9(pod);
    await expect.poll(() => accepted.length - before, { timeout: 30_000 }).toBeGreaterThan(40);
    await pool.again(pod);
  }
  goesOn = false;
  await Promise.all(writers);
  // Refused with 503 while nothing could be stored; everything else would be a fault.
  expect([...statuses.keys()].filter((status) => status !== 202 && status !== 503)).toEqual([]);

  const chat = await connect();
  const stored: string[] = [];
  // The first event of a room is that it was made.
  for (let after = 1; ; ) {
    const query = { caller: { user: pool.users[0] ?? '' }, room: 'Desk', before: 0, after, limit: 100 };
    const { posts } = await call<HistoryReply>((done) => chat.history(query, done));
    stored.push(...posts.map(({ body }) => body));
    after = Number(posts.at(-1)?.seq ?? 0);
    if (posts.length < 100) break;
  }
  chat.close();
  expect(stored.filter((body, at) => stored.indexOf(body) !== at)).toEqual([]);
  expect(accepted.filter((text) => !stored.includes(text))).toEqual([]);

  for (const agent of agents) {
    const [name = ''] = agent.user.split('@');
    const others = stored.filter((body) => !body.startsWith(`${name} `));
    const texts = () => [...heard(agent).values()].map(({ text }) => text.slice(text.indexOf(': ') + 2));
    await expect
      .poll(() => others.filter((body) => !texts().includes(body)), { timeout: 30_000 })
      .toEqual([]);
    // Copies have the Call-ID of what they are copies of.
    expect(texts().filter((text, at, all) => all.indexOf(text) !== at)).toEqual([]);
  }
}, 180_000);
