// What it costs each post that people keep topics: 100,000 of them in the memory of a pod, none of which it matches.
import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { PostEvent } from '@linchpin/proto/chat-events';
import type { PoolClient } from 'pg';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { Standing } from '../src/access/access.ts';
import { createAlerts } from '../src/alerts/alerts.ts';
import type { Measured } from './posts.ts';

const TOPICS = 100_000;
const OWNERS = 10_000;
const WORDS = 50_000;
const BATCH = 200;
const BATCHES = 500;
const ROUNDS = 5;
const PAGE = 10_000;

/** A word that nobody says: posts have others. */
const rare = (n: number): string =>
  `${WORDS + n}`.replace(/\d/g, (digit) => 'bcdfghjklm'[Number(digit)] ?? '');
const said =
  'Shall we meet at ten to look at the figures of the third quarter? I have put them into the folder, number ';

function* topics() {
  for (let n = 0; n < TOPICS; n++)
    yield {
      ...{ owner: `user${n % OWNERS}@contoso.lab`, name: `topic ${n}`, words: '', author: null },
      ...{ lexemes: ['quarter', rare(n % WORDS)], mentionsMe: false, rooms: null },
    };
}

const post = (n: number): PostEvent => ({
  ...{ kind: 'post', scope: randomUUID(), seq: n + 1, at: '2026-01-01T00:00:00.000Z', clientId: `${n}` },
  ...{ by: `user${n % OWNERS}@contoso.lab`, body: said + n, mentions: [], files: [] },
});

export async function run(): Promise<Measured[]> {
  const all = [...topics()];
  const pages = Array.from({ length: TOPICS / PAGE }, (_, n) => all.slice(n * PAGE, (n + 1) * PAGE));
  let changed = (_owner: string | undefined): void => {};
  const query = async () => ({ rows: pages.shift() ?? [] });
  const alerts = createAlerts({
    nats: { connected: false, onConnected: () => () => {} },
    pod: 'bench',
    database: { use: (run) => run({ query } as unknown as PoolClient) },
    access: { standing: async () => ({ mayRead: true }) as Standing },
    notices: {
      onTopics(listener) {
        changed = listener;
        return () => {};
      },
    },
    metrics: new Registry(),
    log: pino({ level: 'silent' }),
  });
  alerts.start();
  changed(undefined);
  while (alerts.topics < TOPICS) await turn();
  const posts = Array.from({ length: BATCH * BATCHES }, (_, n) => post(n));
  const took: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let at = 0; at < posts.length; at += BATCH) {
      alerts.onCommitted(posts.slice(at, at + BATCH));
      await turn();
    }
    await turn();
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) took.push((user + system) / posts.length);
  }
  await alerts.stop();
  const median = took.sort((a, b) => a - b)[took.length >> 1] ?? Number.NaN;
  return [
    {
      name: `posts looked through for ${TOPICS.toLocaleString('en')} topics, none of which they match (${median.toFixed(2)} µs of CPU each)`,
      perSecond: 1e6 / median,
    },
  ];
}
