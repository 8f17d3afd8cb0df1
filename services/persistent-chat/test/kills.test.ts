// Pods are killed at random moments while people post and read through all of them. Afterwards every post that was acknowledged
// is in the store, in the queue and with every reader, once.
import { CHAT_EVENTS_STREAM, type ChatEvent } from '@linchpin/proto/chat-events';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Caller, Participation } from '../src/chat.ts';
import { COMPLIANCE_CONSUMER, ensureConsumer } from '../src/queue.ts';
import { createPods, type Pod, type Pods } from './pods.ts';

let pods: Pods;
beforeAll(async () => {
  pods = await createPods();
});
afterAll(() => pods.close());

const KILLS = 6;
const AUTHORS = ['alice', 'bob', 'carol', 'dora', 'emil', 'fay'].map((name) => `${name}@contoso.lab`);
const READERS = ['gus', 'hana', 'ivo', 'jo'].map((name) => `${name}@contoso.lab`);

/** The same numbers for the same seed, so that what fails can be tried again. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const seed = Number(process.env.LINCHPIN_TEST_SEED ?? Date.now() % 1_000_000);
const random = createRandom(seed);

/** A client that joins again wherever it can, and reads what it missed. */
function createReader(who: Caller, room: string, anyPod: () => Pod) {
  const seen = new Map<number, string>();
  const wrong: string[] = [];
  let participation: Participation | undefined;
  let stopped = false;

  const note = (seq: number, body: string): void => void seen.set(seq, body);

  async function join(): Promise<void> {
    while (!stopped) {
      const pod = anyPod();
      let last = 0;
      try {
        participation = await pod.sessions.join(who, room, {
          onEvents(events) {
            for (const event of events) {
              if (event.seq <= last) wrong.push(`${event.seq} after ${last}`);
              last = event.seq;
              if (event.kind === 'post') note(event.seq, event.body);
            }
          },
          onEnded: () => void join(),
        });
        await catchUp(pod);
        return;
      } catch {
        // The pod is dying: the next one.
        await new Promise(setImmediate);
      }
    }
  }

  /** From the last one that is known without a hole before it. */
  async function catchUp(pod: Pod): Promise<void> {
    for (let after = 0; ; ) {
      const posts = await pod.messages.history(who, room, { after, limit: 500 });
      for (const { seq, body } of posts) note(seq, body);
      if (posts.length < 500) return;
      after = posts.at(-1)?.seq ?? 0;
    }
  }

  return {
    ...{ seen, wrong, join },
    async stop() {
      stopped = true;
      await participation?.part();
    },
  };
}

test(`nothing is lost and nothing doubled when pods are killed (seed ${seed})`, async () => {
  const room = await pods.room('kills', [...AUTHORS, ...READERS]);
  const live: Pod[] = [];
  let started = 0;
  const start = async () => void live.push(await pods.start(`pod-${started++}`));
  await Promise.all([start(), start(), start()]);
  const anyPod = (): Pod => live[random(live.length)] as Pod;

  const acknowledged = new Map<string, number>();
  let stop = false;
  let given = 0;
  async function post(name: string): Promise<void> {
    const clientId = `c${given++}`;
    // Twice at the same time, now and then: a client that is too impatient.
    const tries = random(4) === 0 ? [anyPod(), anyPod()] : [anyPod()];
    for (;;) {
      const answers = await Promise.allSettled(
        tries.map((pod) => pod.messages.post({ name }, room, { clientId, body: clientId })),
      );
      const seqs = answers.flatMap((each) => (each.status === 'fulfilled' ? each.value.seq : []));
      expect(new Set(seqs).size).toBeLessThanOrEqual(1);
      if (seqs[0] !== undefined) return void acknowledged.set(clientId, seqs[0]);
      tries.splice(0, tries.length, anyPod());
      await new Promise(setImmediate);
    }
  }
  const authors = AUTHORS.map(async (name) => {
    while (!stop) await Promise.all(Array.from({ length: 1 + random(5) }, () => post(name)));
  });
  const readers = READERS.map((name) => createReader({ name }, room, anyPod));
  await Promise.all(readers.map((reader) => reader.join()));

  for (let kill = 0; kill < KILLS; kill++) {
    const target = acknowledged.size + 100 + random(100);
    await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(target), {
      timeout: 60_000,
      interval: 5,
    });
    const [dying] = live.splice(random(live.length), 1) as [Pod];
    await Promise.all([dying.kill(), start()]);
  }
  stop = true;
  await Promise.all(authors);

  const stored = await pods.sql('SELECT seq::int, client_id, body FROM posts WHERE room = $1', [room]);
  expect(new Map(stored.map((row) => [row.client_id, row.seq]))).toEqual(acknowledged);
  expect(stored).toHaveLength(acknowledged.size);

  await vi.waitFor(async () => expect(await pods.sql('SELECT 1 FROM outbox')).toEqual([]), {
    timeout: 60_000,
    interval: 100,
  });
  const [{ last }] = await pods.sql('SELECT last_seq::int AS last FROM rooms WHERE id = $1', [room]);
  const queued = (await readQueue(anyPod())).filter(({ scope }) => scope === room);
  const posts = new Map(
    queued.flatMap((event) => (event.kind === 'post' ? [[event.clientId, event.seq]] : [])),
  );
  expect(posts).toEqual(acknowledged);
  // Those who left with their pods are told to have left by now or later: every number up to here is there.
  expect(new Set(queued.map(({ seq }) => seq)).size).toBeGreaterThanOrEqual(last);

  for (const { seen, wrong } of readers) {
    await vi.waitFor(() => expect(seen.size).toBe(stored.length), { timeout: 30_000, interval: 50 });
    expect(new Map(stored.map(({ seq, body }) => [seq, body]))).toEqual(new Map([...seen]));
    expect(wrong).toEqual([]);
  }
  await Promise.all(readers.map((reader) => reader.stop()));
  expect(pods.errors()).toEqual([]);
}, 240_000);

/** Everything that is in the queue. */
async function readQueue(pod: Pod): Promise<ChatEvent[]> {
  const connection = await pod.nats.connection();
  const manager = await jetstreamManager(connection);
  await ensureConsumer(manager);
  const consumer = await jetstream(connection).consumers.get(CHAT_EVENTS_STREAM, COMPLIANCE_CONSUMER);
  const events: ChatEvent[] = [];
  for (;;) {
    const { num_pending } = await consumer.info();
    if (num_pending === 0) return events;
    const messages = await consumer.fetch({ max_messages: Math.min(num_pending, 500), expires: 5_000 });
    for await (const message of messages) {
      events.push(...message.json<ChatEvent[]>());
      message.ack();
    }
  }
}
