import { randomUUID } from 'node:crypto';
import {
  CHAT_EVENTS,
  CHAT_EVENTS_STREAM,
  type ChatEvent,
  chatEventSubject,
} from '@linchpin/proto/chat-events';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Entry, LockedCategory, LockedRoom, NewEvent } from '../src/journal/journal.ts';
import { createPods, type Pod, type Pods } from './pods.ts';

let pods: Pods;
let one: Pod;
let two: Pod;

beforeAll(async () => {
  pods = await createPods();
  [one, two] = await Promise.all([pods.start('one'), pods.start('two')]);
});
afterAll(() => pods.close());

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

const joined = (by: string): NewEvent => ({ kind: 'join', by });

async function happen(pod: Pod, rooms: string[], ...by: string[]): Promise<ChatEvent[]> {
  const events = await pod.database.transaction(async (client) => {
    const locked = await pod.journal.lockRooms(client, rooms);
    const entries = [...locked.values()].map((room): Entry => [room, by.map(joined)]);
    return pod.journal.appendAll(client, entries);
  });
  pod.journal.committed(events);
  return events;
}

/** Everything that is published, in the order of its first coming. */
async function listen(pod: Pod, room: string): Promise<ChatEvent[]> {
  const heard: ChatEvent[] = [];
  const connection = await pod.nats.connection();
  const subscription = connection.subscribe(chatEventSubject(room), {
    callback(_, message) {
      const known = new Set(heard.map(({ seq }) => seq));
      heard.push(...message.json<ChatEvent[]>().filter(({ seq }) => !known.has(seq)));
    },
  });
  await connection.flush();
  ends.push(() => subscription.unsubscribe());
  return heard;
}

const waiting = async (): Promise<number> =>
  Number((await pods.sql('SELECT count(*) AS runs FROM outbox'))[0].runs);

const eventually = (check: () => Promise<unknown> | unknown) =>
  vi.waitFor(check, { timeout: 30_000, interval: 50 });

test('numbers have no gap and no double when two pods write into the same rooms at once', async () => {
  const rooms = await Promise.all(['first', 'second'].map((name) => pods.room(name)));
  const backwards = [...rooms].reverse();
  const written = await Promise.all(
    Array.from({ length: 40 }, (_, turn) =>
      happen(turn % 2 ? one : two, turn % 3 ? rooms : backwards, `a${turn}`, `b${turn}`),
    ),
  );
  for (const room of rooms) {
    const events = written.flat().filter(({ scope }) => scope === room);
    const numbers = events.map(({ seq }) => seq).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 80 }, (_, at) => at + 1));
    const inOrder = events.sort((a, b) => a.seq - b.seq).map(({ at }) => at);
    expect(inOrder).toEqual([...inOrder].sort());
  }
  await eventually(async () => expect(await waiting()).toBe(0));
});

test('what is published is what was stored, as one message for what belongs together', async () => {
  const room = await pods.room('published');
  const heard = await listen(two, room);
  const events = await happen(one, [room], 'alice@contoso.lab', 'bob@contoso.lab');
  await eventually(() => expect(heard).toEqual(events));
  expect(events.map(({ seq, by }) => [seq, by])).toEqual([
    [1, 'alice@contoso.lab'],
    [2, 'bob@contoso.lab'],
  ]);
  await eventually(async () => expect(await waiting()).toBe(0));
});

test('numbers that a database has given once more after it lost some are queued too: compliance has to hear of it', async () => {
  const room = await pods.room('restored');
  const manager = await jetstreamManager(await one.nats.connection());
  const queued = async () =>
    (await manager.streams.info(CHAT_EVENTS_STREAM, { subjects_filter: chatEventSubject(room) })).state
      .subjects?.[chatEventSubject(room)];
  await happen(one, [room], 'alice@contoso.lab');
  await eventually(async () => expect([await waiting(), await queued()]).toEqual([0, 1]));
  await pods.sql('UPDATE rooms SET last_seq = 0 WHERE id = $1', [room]);
  expect((await happen(one, [room], 'bob@contoso.lab'))[0]?.seq).toBe(1);
  await eventually(async () => expect([await waiting(), await queued()]).toEqual([0, 2]));
});

test('nothing of a transaction that was undone is told or keeps its number', async () => {
  const room = await pods.room('undone');
  const heard = await listen(two, room);
  await expect(
    one.database.transaction(async (client) => {
      const locked = await one.journal.lockRooms(client, [room]);
      await one.journal.append(client, locked.get(room) as LockedRoom, [joined('nobody@contoso.lab')]);
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  await happen(one, [room], 'alice@contoso.lab');
  await eventually(() => expect(heard).toMatchObject([{ seq: 1, by: 'alice@contoso.lab' }]));
});

test('a category has numbers of its own', async () => {
  const room = await pods.room('of a category');
  const [{ category }] = await pods.sql('SELECT category FROM rooms WHERE id = $1', [room]);
  const events = await one.database.transaction(async (client) => {
    const locked = await one.journal.lockCategory(client, category);
    return one.journal.append(client, locked as LockedCategory, [joined('alice@contoso.lab')]);
  });
  expect(events).toMatchObject([{ scope: category, seq: 1 }]);
  expect(await pods.sql('SELECT last_seq FROM categories WHERE id = $1', [category])).toEqual([
    { last_seq: '1' },
  ]);
  await one.database.transaction(async (client) =>
    expect(await one.journal.lockCategory(client, randomUUID())).toBeUndefined(),
  );
});

test('an event that NATS would not take is refused before it is stored', async () => {
  const room = await pods.room('large');
  await expect(happen(one, [room], 'ä'.repeat(600_000))).rejects.toMatchObject({ code: 'too-large' });
  expect(await pods.sql('SELECT last_seq FROM rooms WHERE id = $1', [room])).toEqual([{ last_seq: '0' }]);
});

test('what a pod stored and did not publish is published by another', async () => {
  const room = await pods.room('left');
  const heard = await listen(two, room);
  const dead = await pods.start('dead');
  // It dies between COMMIT and everything that comes after.
  await dead.database.transaction(async (client) => {
    const locked = await dead.journal.lockRooms(client, [room]);
    await dead.journal.append(client, locked.get(room) as LockedRoom, [joined('alice@contoso.lab')]);
  });
  await dead.stop();
  await eventually(() => expect(heard).toMatchObject([{ scope: room, seq: 1 }]));
  await eventually(async () => expect(await waiting()).toBe(0));
});

test('what happens while NATS is away is published when it is back', async () => {
  const room = await pods.room('away');
  await pods.lab.stopNats();
  for (let turn = 0; turn < 30; turn++) await happen(turn % 2 ? one : two, [room], `u${turn}@contoso.lab`);
  expect(await waiting()).toBe(30);
  expect(one.health.state).not.toContain('postgres');
  await pods.lab.startNats();
  await eventually(async () => expect(await waiting()).toBe(0));
  const manager = await jetstreamManager(await one.nats.connection());
  const { state } = await manager.streams.info('PERSISTENT_CHAT', {
    subjects_filter: `${CHAT_EVENTS}.${room}`,
  });
  expect(state.subjects).toEqual({ [`${CHAT_EVENTS}.${room}`]: 30 });
  await eventually(() => expect(one.health.state).not.toContain('queued'));
});

/** With messages that no pod knows of, until one of 10 kB has no room; resolves to what takes them away again. */
async function fillQueue(): Promise<() => Promise<unknown>> {
  const connection = await (await pods.lab.natsLink('admin')).connection();
  const filler = chatEventSubject(randomUUID());
  for (const size of [900_000, 10_000])
    while (await isTaken(jetstream(connection).publish(filler, Buffer.alloc(size))));
  const manager = await jetstreamManager(connection);
  return () => manager.streams.purge(CHAT_EVENTS_STREAM, { filter: filler });
}

const isTaken = (publishing: Promise<unknown>): Promise<boolean> =>
  publishing.then(
    () => true,
    (error: Error) => {
      expect(error.message).toContain('maximum bytes exceeded');
      return false;
    },
  );

test('a queue that is full holds up nobody, and gets everything when it has room again', async () => {
  const empty = await fillQueue();
  const room = await pods.room('full');
  const heard = await listen(two, room);
  const large = 'x'.repeat(20_000);
  await happen(one, [room], `alice-${large}@contoso.lab`);
  await happen(two, [room], `bob-${large}@contoso.lab`);
  await eventually(() => expect(heard.map(({ seq }) => seq)).toEqual([1, 2]));
  await eventually(() => expect(one.health.state).toContain('events wait to be queued'));
  expect(await waiting()).toBe(2);
  await empty();
  await eventually(async () => expect(await waiting()).toBe(0));
});
