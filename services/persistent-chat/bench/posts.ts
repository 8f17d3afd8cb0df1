// Posts with everything that belongs to them: durable, numbered, in the outbox and published, in one process beside PostgreSQL
// and NATS. The baseline is the same rows in the same server, inserted in batches by somebody who wants nothing else.
import type { ChatEvent } from '@linchpin/proto/chat-events';
import { createPods, type Pod, type Pods } from '../test/pods.ts';

export interface Measured {
  name: string;
  perSecond?: number;
  milliseconds?: number;
  baseline?: string;
  ratio?: number;
}

const SECONDS = 5;
const ROOMS = 100;
const AUTHORS = 200;
const BATCH = 400;
const CONNECTIONS = 3;
/** Posts whose answers are awaited at the same time. */
const UNDER_WAY = 2_000;
const body =
  'Shall we meet at ten to look at the figures of the third quarter? I have put them into the folder. ';

const member = (n: number): string => `user${n % AUTHORS}@contoso.lab`;

async function raw(pods: Pods, pod: Pod, rooms: readonly string[]): Promise<number> {
  await pods.sql('CREATE TABLE IF NOT EXISTS raw_posts (LIKE posts INCLUDING ALL)');
  await pods.sql('TRUNCATE raw_posts');
  const until = performance.now() + SECONDS * 1000;
  let count = 0;
  const insert = async (): Promise<void> => {
    const client = await pod.pool.connect();
    for (; performance.now() < until; ) {
      const from = count;
      count += BATCH;
      const numbers = Array.from({ length: BATCH }, (_, n) => from + n);
      await client.query({ name: 'raw', text: RAW, values: rawValues(rooms, numbers) });
    }
    client.release();
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, insert));
  return (count / (performance.now() - began)) * 1000;
}

const RAW = `
  INSERT INTO raw_posts (room, seq, author, at, client_id, body)
  SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[], $6::text[])`;

const rawValues = (rooms: readonly string[], numbers: readonly number[]) => [
  numbers.map((n) => rooms[n % rooms.length]),
  numbers,
  numbers.map(member),
  numbers.map(() => new Date().toISOString()),
  numbers.map((n) => `raw-${n}`),
  numbers.map((n) => body + n),
];

let given = 0;

/** Until all are acknowledged to their authors. */
async function posts(pod: Pod, rooms: readonly string[]): Promise<number> {
  const until = performance.now() + SECONDS * 1000;
  let count = 0;
  const author = async (): Promise<void> => {
    while (performance.now() < until) {
      const n = given++;
      const room = rooms[n % rooms.length] as string;
      await pod.messages.post({ name: member(n) }, room, { clientId: `post-${n}`, body: body + n });
      count += 1;
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: UNDER_WAY }, author));
  return (count / (performance.now() - began)) * 1000;
}

/** Seconds until nothing waits to be published any more. */
async function published(pods: Pods): Promise<number> {
  const began = performance.now();
  while ((await pods.sql('SELECT 1 FROM outbox LIMIT 1')).length > 0)
    await new Promise((resolve) => setTimeout(resolve, 20));
  return performance.now() - began;
}

/** What a flood leaves for PostgreSQL to do is not part of what is measured after it. */
async function settle(pods: Pods): Promise<void> {
  await pods.sql('DROP TABLE raw_posts');
  await pods.sql('VACUUM ANALYZE posts, rooms, outbox');
  await pods.sql('CHECKPOINT');
}

const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const percentile = (values: number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;

async function throughput(pods: Pods, pod: Pod): Promise<Measured[]> {
  const people = Array.from({ length: AUTHORS }, (_, n) => member(n));
  const rooms: string[] = [];
  for (let n = 0; n < ROOMS; n++) rooms.push(await pods.room(`bench ${n}`, people));
  await posts(pod, rooms);
  const [ours, theirs]: [number[], number[]] = [[], []];
  let waited = 0;
  for (let round = 0; round < 3; round++) {
    await pods.sql('CHECKPOINT');
    theirs.push(await raw(pods, pod, rooms));
    await pods.sql('CHECKPOINT');
    ours.push(await posts(pod, rooms));
    waited = Math.max(waited, await published(pods));
  }
  await settle(pods);
  return [
    {
      name: 'durable posts',
      perSecond: median(ours),
      baseline: `raw batched inserts ${Math.round(median(theirs))}/s`,
      ratio: median(ours) / median(theirs),
    },
    { name: 'until the last of them is in the queue', milliseconds: waited },
  ];
}

/** A room of 150 people on two pods, 200 posts a second: from the call until the last of them has heard it. */
async function latency(pods: Pods, one: Pod, two: Pod): Promise<Measured[]> {
  const [size, perSecond, seconds] = [150, 200, 10];
  const people = Array.from({ length: size }, (_, n) => `member${n}@contoso.lab`);
  const room = await pods.room('bench of 150', people);
  const sent = new Map<string, { at: number; left: number }>();
  const took: number[] = [];
  const onEvents = (events: readonly ChatEvent[]): void => {
    const now = performance.now();
    for (const event of events) {
      const post = event.kind === 'post' ? sent.get(event.clientId) : undefined;
      if (post !== undefined && --post.left === 0) took.push(now - post.at);
    }
  };
  const joined = await Promise.all(
    people.map((name, n) => (n % 2 ? one : two).sessions.join({ name }, room, { onEvents, onEnded() {} })),
  );
  const began = performance.now();
  const answers: Promise<unknown>[] = [];
  for (let n = 0; n < perSecond * seconds; n++) {
    const wait = began + (n * 1000) / perSecond - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const clientId = `latency-${n}`;
    sent.set(clientId, { at: performance.now(), left: size });
    const name = people[n % size] as string;
    answers.push((n % 2 ? one : two).messages.post({ name }, room, { clientId, body: body + n }));
  }
  await Promise.all(answers);
  while (took.length < perSecond * seconds) await new Promise((resolve) => setTimeout(resolve, 20));
  await Promise.all(joined.map((each) => each.part()));
  return [
    { name: 'post to last of 150 recipients, p99 at 200 posts/s', milliseconds: percentile(took, 0.99) },
    { name: 'post to last of 150 recipients, p50', milliseconds: percentile(took, 0.5) },
  ];
}

/** 16,000 people in one room, on two pods. */
async function crowd(pods: Pods, one: Pod, two: Pod): Promise<Measured[]> {
  const size = 16_000;
  const room = await pods.room('bench of 16,000', [], { privacy: 'open' });
  let left = 0;
  let all = Promise.withResolvers<void>();
  const onEvents = (events: readonly ChatEvent[]): void => {
    for (const { kind } of events) if (kind === 'post' && --left === 0) all.resolve();
  };
  const began = performance.now();
  const joined = await Promise.all(
    Array.from({ length: size }, (_, n) =>
      (n % 2 ? one : two).sessions.join({ name: `crowd${n}@contoso.lab` }, room, { onEvents, onEnded() {} }),
    ),
  );
  const joining = performance.now() - began;
  const took: number[] = [];
  for (let round = 0; round < 11; round++) {
    left = size;
    all = Promise.withResolvers();
    const at = performance.now();
    await one.messages.post({ name: 'crowd0@contoso.lab' }, room, { clientId: `crowd-${round}`, body });
    await all.promise;
    took.push(performance.now() - at);
  }
  await Promise.all(joined.map((each) => each.part()));
  return [
    { name: 'one post to the last of 16,000 recipients', milliseconds: Math.max(...took) },
    { name: '16,000 people joining one room', milliseconds: joining },
  ];
}

/** In one process, beside PostgreSQL and NATS on the same machine. */
export async function run(): Promise<Measured[]> {
  const pods = await createPods();
  try {
    const [one, two] = await Promise.all([pods.start('one'), pods.start('two')]);
    // What is measured is not how fast one person may be.
    pods.limits.postsPerSecondPerUser = 1_000_000;
    return [
      ...(await throughput(pods, one)),
      ...(await latency(pods, one, two)),
      ...(await crowd(pods, one, two)),
    ];
  } finally {
    await pods.close();
  }
}
