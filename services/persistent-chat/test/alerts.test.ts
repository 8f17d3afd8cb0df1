// People who keep topics are told of what is posted, at whichever pod and in whichever room they may read: the whole role in two
// pods, with a real PostgreSQL and NATS, and streams over HTTPS.
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '@linchpin/backends';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Alert, Post, Room, RoomSpec, TopicSpec } from '../src/chat.ts';
import { address, createRig, type Pod, type Rig } from './rig.ts';
import { type Answer, type Asking, createAsk, signIn } from './web/ask.ts';
import { openStream, type StreamReader } from './web/stream-reader.ts';

const MOST_TOPICS = 40;
const root = { name: 'root', admin: true } as const;

let dir: string;
let rig: Rig;
let agent: Agent;
let rooms = 0;
/** Where everybody reads. */
let end: Room;
const readers: StreamReader[] = [];
const tokens = new Map<string, string>();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'linchpin-alerts-'));
  const authority = createAuthority(join(dir, 'pki'));
  const [certPath, keyPath] = [join(dir, 'web.pem'), join(dir, 'web.key')];
  await authority.issue({ name: 'web', dns: ['localhost'], ips: ['127.0.0.1'], certPath, keyPath });
  await writeFile(join(dir, 'signing.key'), randomBytes(32));
  agent = new Agent({ ca: await readFile(authority.caPath), keepAlive: true });
  rig = await createRig({
    pods: 2,
    users: ['alice', 'bob', 'carol', 'dave', 'erin'],
    strangers: ['frank'],
    groups: { Smiths: ['bob'] },
    limits: { postsPerSecondPerUser: 1000, maxTopicsPerUser: MOST_TOPICS },
    config: {
      signingKeyFile: join(dir, 'signing.key'),
      web: {
        ...{ address: '127.0.0.1', port: 0, tls: { cert: certPath, key: keyPath } },
        limits: { perUser: { perSecond: 0, burst: 1 }, perSource: { perSecond: 0, burst: 1 } },
      },
    },
  });
  const { chat } = pod(0).role;
  const allowed = ['domain:contoso.lab'];
  await chat.createCategory(root, { name: 'General', allowed });
  await chat.createCategory(root, { name: 'Walled', allowed, denied: [address('bob')] });
  await chat.createCategory(root, { name: 'Fleeting', allowed, chatHistory: false });
  end = await room();
  for (const name of ['bob', 'dave', 'erin']) await topic(name, 'the end', { words: 'finis' });
});
afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
});
afterAll(async () => {
  agent?.destroy();
  await rig?.close();
  await rm(dir, { recursive: true, force: true });
});

const pod = (index: number): Pod => rig.pods[index] as Pod;
const portOf = (index: number): number =>
  pod(index)
    .role.endpoints()
    .find(({ name }) => name === 'web')?.port ?? 0;

async function tokenOf(name: string): Promise<string> {
  const known = tokens.get(name);
  if (known) return known;
  const ask = createAsk(() => portOf(0), agent);
  const signed = await signIn(ask, name, `pw-${name}`);
  tokens.set(name, signed.json.access_token);
  return signed.json.access_token;
}

async function as(name: string, path: string, asking: Asking = {}, index = 0): Promise<Answer> {
  const ask = createAsk(() => portOf(index), agent);
  return ask(path, { ...asking, headers: { authorization: `Bearer ${await tokenOf(name)}` } });
}

async function follow(name: string, index: number, path = '/v1/events'): Promise<StreamReader> {
  const authorization = `Bearer ${await tokenOf(name)}`;
  const reader = await openStream({ port: portOf(index), agent }, path, { authorization });
  expect(reader.status).toBe(200);
  readers.push(reader);
  return reader;
}

/** One that nobody is in, and everybody may read, unless told otherwise. */
const room = (more: Partial<RoomSpec> = {}): Promise<Room> =>
  pod(0).role.chat.createRoom(root, {
    ...{ name: `Room ${++rooms}`, category: 'General', privacy: 'open' },
    ...more,
  });

const say = (name: string, where: Room, body: string, subject?: string): Promise<Post> =>
  pod(0).role.chat.post({ name: address(name) }, where.id, {
    ...{ clientId: randomUUID(), body },
    ...(subject && { subject }),
  });

const put = (name: string, topicName: string, body: TopicSpec, index = 0): Promise<Answer> =>
  as(name, `/v1/topics/${encodeURIComponent(topicName)}`, { method: 'PUT', body }, index);

/** Resolves when all pods know of it. */
async function topic(name: string, topicName: string, spec: TopicSpec, index = 0): Promise<void> {
  expect((await put(name, topicName, spec, index)).status).toBe(200);
  await known();
}

/** A name that is a part of a path. */
const nameOf = (words: string): string => words.replaceAll('/', ':');

async function known(): Promise<void> {
  const [row] = await rig.sql('SELECT count(*)::int AS topics FROM topics');
  await vi.waitFor(() => {
    for (const { role } of rig.pods) expect(role.describe?.()).toMatchObject({ topics: row?.topics });
  }, 10_000);
}

/** What each of these was told until now: what is told after it comes after. */
async function toldTo(...asked: StreamReader[]): Promise<Alert[][]> {
  await say('alice', end, 'finis');
  return Promise.all(asked.map(alertsOf));
}

async function alertsOf(reader: StreamReader): Promise<Alert[]> {
  const alerts: Alert[] = [];
  for (;;) {
    const { data } = await reader.until('alert');
    if (data.room === end.id) return alerts;
    alerts.push(data);
  }
}

test('A post in a room that its reader was never in is told at every pod where the reader has a stream, once', async () => {
  await topic('bob', 'Metals', { words: 'Gold price' }, 1);
  const elsewhere = await room();
  const streams = await Promise.all([
    follow('bob', 0),
    follow('bob', 1),
    follow('bob', 1, `/v1/rooms/${elsewhere.id}/events`),
  ]);
  const other = await follow('erin', 1);
  const trading = await room();
  await say('alice', trading, 'gold is up');
  const { seq, at } = await say('alice', trading, 'The price of GOLD, today', 'Markets');
  const alert = {
    ...{ room: trading.id, roomName: trading.name, seq, at, by: address('alice') },
    ...{ subject: 'Markets', excerpt: 'The price of GOLD, today', topics: ['Metals'], mentioned: false },
  };
  const [erin, ...bob] = await toldTo(other, ...streams);
  expect(bob).toEqual([[alert], [alert], [alert]]);
  expect(erin).toEqual([]);
});

test('Who is mentioned is told, with a topic or without', async () => {
  await topic('bob', 'Boats', { words: 'sail' });
  const [here, there] = await Promise.all([follow('bob', 1), follow('erin', 1)]);
  const open = await room();
  await say('alice', open, 'ask @bob about it');
  await say('alice', open, '@bob can sail');
  await say('alice', open, 'nobody else can sail');
  const [bob, erin] = await toldTo(here, there);
  expect(bob?.map(({ topics, mentioned }) => ({ topics, mentioned }))).toEqual([
    { topics: [], mentioned: true },
    { topics: ['Boats'], mentioned: true },
    { topics: ['Boats'], mentioned: false },
  ]);
  expect(erin).toEqual([]);
});

test('An author, a mention and rooms narrow a topic down', async () => {
  const [one, two] = [await room(), await room()];
  await topic('bob', 'of carol', { author: address('carol') });
  await topic('bob', 'onyx of alice', { words: 'onyx', author: address('alice') });
  await topic('bob', 'my onyx', { words: 'onyx', mentionsMe: true });
  await topic('bob', 'onyx there', { words: 'onyx', rooms: [two.name] });
  const reader = await follow('bob', 1);
  await say('alice', one, 'onyx');
  await say('dave', one, 'onyx');
  await say('dave', two, 'onyx');
  await say('dave', one, 'onyx for @bob');
  await say('carol', one, 'nothing at all');
  const [told] = await toldTo(reader);
  expect(told?.map(({ topics }) => topics)).toEqual([
    ['onyx of alice'],
    ['onyx there'],
    ['my onyx'],
    ['of carol'],
  ]);
});

test('Nobody is told of what they said, may not read, or were not there for', async () => {
  await topic('bob', 'Quartz', { words: 'quartz' });
  const closed = await room({ privacy: 'closed', members: [address('bob')] });
  const reader = await follow('bob', 1);
  const text = 'quartz for @bob';
  await say('bob', await room(), text);
  await say('alice', await room({ category: 'Walled' }), text);
  await say('alice', await room({ privacy: 'secret', members: [address('alice')] }), text);
  await say('alice', await room({ privacy: 'closed', members: [address('alice')] }), text);
  await say('alice', await room({ category: 'Fleeting' }), text);
  await say('alice', await room({ category: 'Fleeting', members: [address('bob')] }), text);
  await pod(0).role.chat.changeAccess(root, closed.id, {
    add: { members: [address('alice')] },
    remove: { members: [address('bob')] },
  });
  await say('alice', closed, text);
  expect(await toldTo(reader)).toEqual([[]]);
});

test('Who is in a secret room, by a group in a closed one, or there while nothing is kept, is told', async () => {
  await topic('bob', 'Basalt', { words: 'basalt' });
  const members = [address('alice'), 'group:Smiths'];
  const secret = await room({ privacy: 'secret', members });
  const closed = await room({ privacy: 'closed', members });
  const fleeting = await room({ category: 'Fleeting' });
  const reader = await follow('bob', 1);
  const present = await follow('bob', 0, `/v1/rooms/${fleeting.id}/events`);
  await present.until('joined');
  for (const where of [secret, closed, fleeting]) await say('alice', where, 'basalt');
  const [told] = await toldTo(reader);
  expect(told?.map(({ room }) => room)).toEqual([secret.id, closed.id, fleeting.id]);
});

test('What is told is what a search finds, however it is written', async () => {
  const where = await room();
  const words =
    `gold | GOLD silver | gold-plated | plated | gold@contoso.lab | contoso.lab | contoso.lab/gold | ärger |
    https://contoso.lab/gold?x=1 | Ärger | οδος | ΟΔΟΣ | q3 | figures | 12.5 | abc | 1e5abc | “gold” | naïve | 日本語 |
    İstanbul | istanbul | x | it's | -12 | R&D | 😀 gold`.split(/\s*\|\s*/);
  const texts =
    `GOLD is up | marigold | a gold-plated spoon | sold: gold, cheap | gold\nand silver | Silver/gold |
    see https://Contoso.lab/gold?x=1 | write to gold@contoso.lab | Contoso.Lab | go ld | a_gold_b | Ärger mit Gold | ärger |
    ÄRGER | ΟΔΟΣ | οδος | Q3 figures | q3-figures 12.5 | 1e5abc | 1e5 abc | 5 x² gold | foo—gold—bar | it's -12 | R&D |
    they call it “gold” | <b>gold</b> &amp; x | C++ gold | naïve café | nai\u0308ve | 日本語 gold | 日本語 | İstanbul |
    istanbul | 😀 gold | gold😀`.split(/\s*\|\s*/);
  for (const each of words)
    expect((await put('dave', nameOf(each), { words: each, rooms: [where.id] })).status).toBe(200);
  await known();
  const reader = await follow('dave', 1);
  for (const text of texts) await say('alice', where, text);
  await say('alice', where, 'nothing', 'Gold');
  const [told = []] = await toldTo(reader);
  const found: Record<string, number[]> = {};
  for (const name of words.map(nameOf)) {
    const answer = await as('dave', `/v1/topics/${encodeURIComponent(name)}/posts?limit=100`);
    found[name] = answer.json.posts.map(({ seq }: Post) => seq).reverse();
    const alerted = told.filter(({ topics }) => topics.includes(name)).map(({ seq }) => seq);
    expect(alerted, name).toEqual(found[name]);
  }
  // Neither all of them nor none.
  expect(found.gold?.length).toBeGreaterThan(10);
  expect(found.gold?.length).toBeLessThan(25);
  expect(found['GOLD silver']).toHaveLength(1);
  expect(Object.values(found).filter(({ length }) => length > 0).length).toBeGreaterThan(20);
});

test('What was missed is found page by page, by what can be read now', async () => {
  await topic('bob', 'Topaz', { words: 'topaz' });
  const open = await room();
  const closed = await room({ privacy: 'closed', members: [address('bob'), address('alice')] });
  const secret = await room({ privacy: 'secret', members: [address('alice')] });
  const before = await say('alice', open, 'topaz, too early');
  const since = new Date(Date.parse(before.at) + 1).toISOString();
  // All of them at one moment: pages have to go on in the midst of it.
  const wanted = new Set<string>();
  for (const where of [open, closed, secret, open, closed, open]) {
    const { room: id, seq } = await say('alice', where, 'topaz');
    if (where !== secret) wanted.add(`${id}/${seq}`);
  }
  await rig.sql("UPDATE posts SET at = $1::timestamptz + interval '1 minute' WHERE body = 'topaz'", [since]);
  const found: string[] = [];
  for (let after = ''; ; ) {
    const { json } = await as(
      'bob',
      `/v1/topics/Topaz/posts?since=${since}&limit=2${after && `&after=${encodeURIComponent(after)}`}`,
    );
    found.push(...json.posts.map(({ room, seq }: Post) => `${room}/${seq}`));
    // As long as there is something, there may be more.
    expect(json.next === undefined).toBe(json.posts.length === 0);
    if (json.next === undefined) break;
    after = json.next;
  }
  expect(found).toHaveLength(wanted.size);
  expect(new Set(found)).toEqual(wanted);
  expect((await as('bob', '/v1/topics/Topaz/posts')).json.posts).toHaveLength(wanted.size + 1);
});

test('Topics are their own user’s: made, changed, deleted, and not too many', async () => {
  await topic('carol', 'First', { words: 'opal', rooms: [end.name] });
  expect((await as('carol', '/v1/topics', {}, 1)).json.topics).toEqual([
    { name: 'First', words: 'opal', mentionsMe: false, rooms: [end.id] },
  ]);
  expect((await as('erin', '/v1/topics')).json.topics.map(({ name }: { name: string }) => name)).toEqual([
    'the end',
  ]);
  const changed = await put('carol', 'First', { words: 'jade', mentionsMe: true }, 1);
  expect(changed.json).toEqual({ name: 'First', words: 'jade', mentionsMe: true });
  expect((await as('erin', '/v1/topics/First', { method: 'DELETE' })).status).toBe(404);
  expect((await as('erin', '/v1/topics/First/posts')).status).toBe(404);

  for (let made = 1; made < MOST_TOPICS - 4; made++)
    expect((await put('carol', `Topic ${made}`, { words: `word${made}` })).status).toBe(200);
  const more = await Promise.all(
    Array.from({ length: 8 }, (_, at) => put('carol', `More ${at}`, { words: 'more' }, at % 2)),
  );
  expect(more.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 429, 429, 429, 429]);
  expect((await put('carol', 'First', { words: 'opal' })).status).toBe(200);
  expect((await as('carol', '/v1/topics/First', { method: 'DELETE' }, 1)).status).toBe(204);
  expect((await as('carol', '/v1/topics/First', { method: 'DELETE' })).status).toBe(404);
  expect((await put('carol', 'Last', { words: 'opal' })).status).toBe(200);
});

test('A topic that could match nothing, or names what is not for its owner, is refused', async () => {
  const secret = await room({ privacy: 'secret', members: [address('alice')] });
  const closed = await room({ privacy: 'closed', members: [address('alice')] });
  const refused: [TopicSpec, number][] = [
    [{}, 400],
    [{ words: ' ' }, 400],
    [{ words: '?!' }, 400],
    [{ rooms: [end.id] }, 400],
    [{ author: 'group:Smiths' }, 400],
    [{ author: 'bob' }, 400],
    [{ words: 'x', rooms: [secret.id] }, 404],
    [{ words: 'x', rooms: [closed.id] }, 403],
    [{ words: Array.from({ length: 60 }, (_, n) => `w${n}`).join(' ') }, 400],
  ];
  for (const [spec, status] of refused)
    expect((await put('erin', 'Refused', spec)).status, JSON.stringify(spec)).toBe(status);
  expect((await put('erin', 'x'.repeat(65), { words: 'x' })).status).toBe(400);
  for (const after of ['x', '2026-01-01T00:00:00Z/x/1', `2026-02-30T00:00:00Z/${end.id}/1`, `//1`])
    expect((await as('erin', `/v1/topics/the%20end/posts?after=${encodeURIComponent(after)}`)).status).toBe(
      400,
    );
  const { chat } = pod(0).role;
  await expect(chat.setTopic(root, 'Mine', { words: 'x' })).rejects.toMatchObject({ code: 'forbidden' });
  const frank = { name: address('frank') };
  await expect(chat.setTopic(frank, 'Mine', { words: 'x' })).rejects.toMatchObject({ code: 'forbidden' });
});

test('A topic that is changed or deleted at one pod is so at the other', async () => {
  await topic('erin', 'Stone', { words: 'granite' });
  const reader = await follow('erin', 0);
  const open = await room();
  expect((await put('erin', 'Stone', { words: 'marble' }, 1)).status).toBe(200);
  // Sizes do not tell: it is tried until it is known.
  await vi.waitFor(
    async () => {
      await say('alice', open, 'marble');
      expect((await toldTo(reader))[0]?.map(({ topics }) => topics)).toEqual([['Stone']]);
    },
    { timeout: 10_000 },
  );
  await say('alice', open, 'granite');
  expect(await toldTo(reader)).toEqual([[]]);
  expect((await as('erin', '/v1/topics/Stone', { method: 'DELETE' }, 1)).status).toBe(204);
  await known();
  await say('alice', open, 'marble');
  expect(await toldTo(reader)).toEqual([[]]);
});

test('A pod that did not hear of topics reads them when it hears again', async () => {
  const reader = await follow('erin', 1);
  // Nobody is told of it.
  await rig.sql("INSERT INTO topics (owner, name, words) VALUES ($1, 'Unheard', 'slate')", [address('erin')]);
  const open = await room();
  await say('alice', open, 'slate');
  expect(await toldTo(reader)).toEqual([[]]);
  await rig.sql(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE $1 AND pid <> pg_backend_pid()',
    ['persistent-chat-%'],
  );
  await known();
  // An alert is lost where its look-up meets a connection that has just ended.
  await vi.waitFor(
    async () => {
      const posted = await say('alice', open, 'slate');
      const [told] = await toldTo(reader);
      expect(told?.map(({ seq }) => seq)).toEqual([posted.seq]);
    },
    { timeout: 20_000 },
  );
});
