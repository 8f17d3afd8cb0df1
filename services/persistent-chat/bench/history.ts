// A room with a million posts: how long it takes to join it, to read in it, and to search it.
import { createPods, type Pods } from '../test/pods.ts';
import type { Measured } from './posts.ts';

const POSTS = 1_000_000;
const WORDS = 20_000;
const ROUNDS = 60;
const alice = { name: 'alice@contoso.lab' };

/** Twelve words each, of which some are in every third post and most are rare. */
const FILL = `
  INSERT INTO posts (room, seq, author, at, client_id, body)
  SELECT $1, n, 'user' || n % 100 || '@contoso.lab', now() - ($2::int - n) * interval '1 second', 'b' || n,
    (SELECT string_agg('word' || floor(power(random(), 3) * $3)::int, ' ') FROM generate_series(1, 12) WHERE n > 0)
  FROM generate_series(1, $2::int) AS n`;

async function fill(pods: Pods): Promise<string> {
  const room = await pods.room('a million', [alice.name]);
  await pods.sql(FILL, [room, POSTS, WORDS]);
  await pods.sql('UPDATE rooms SET last_seq = $2 WHERE id = $1', [room, POSTS]);
  await pods.sql('VACUUM ANALYZE posts');
  await pods.sql('CHECKPOINT');
  return room;
}

/** What `run` resolves with, if anything, is done afterwards, out of the count. */
async function timed(run: (round: number) => Promise<unknown>, rounds = ROUNDS): Promise<number[]> {
  const took: number[] = [];
  // The first ones compile and read from the disk.
  for (let round = -5; round < rounds; round++) {
    const began = performance.now();
    const after = await run(round + 5);
    if (round >= 0) took.push(performance.now() - began);
    if (typeof after === 'function') await after();
  }
  return took.sort((a, b) => a - b);
}

const usual = (took: number[]): number => took[Math.floor(took.length / 2)] ?? Number.NaN;
const worst = (took: number[]): number => took[Math.floor(took.length * 0.99)] ?? Number.NaN;

export async function run(): Promise<Measured[]> {
  const pods = await createPods();
  try {
    const pod = await pods.start('one');
    const room = await fill(pods);
    const joining = await timed(
      async () => (await pod.sessions.join(alice, room, { onEvents() {}, onEnded() {} })).part,
      300,
    );
    const reading = await timed((round) =>
      pod.messages.history(alice, room, { before: POSTS - round * 1_000 }),
    );
    // From words of every third post to those that nobody has said.
    const searching = await timed((round) =>
      pod.messages.search(alice, { text: `word${Math.floor((round / ROUNDS) ** 3 * WORDS)}` }),
    );
    const pairs = await timed((round) =>
      pod.messages.search(alice, { text: `word${round} word${round * 7 + 1}`, rooms: [room] }),
    );
    return [
      { name: 'joining a room of 1,000,000 posts, p99', milliseconds: worst(joining) },
      { name: 'joining a room of 1,000,000 posts, p50', milliseconds: usual(joining) },
      { name: '50 of its posts from anywhere, p99', milliseconds: worst(reading) },
      { name: 'a search for one word in it, p99', milliseconds: worst(searching) },
      { name: 'a search for two words in it, p99', milliseconds: worst(pairs) },
    ];
  } finally {
    await pods.close();
  }
}
