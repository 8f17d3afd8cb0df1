// Without sockets: what becomes of posts when there is too much of them, or no database.
import type { PostEvent } from '@linchpin/proto/chat-events';
import type { PoolClient } from 'pg';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, test, vi } from 'vitest';
import type { Standing } from '../access/access.ts';
import { type Alert, ChatError } from '../chat.ts';
import { createAlerts } from './alerts.ts';

const [alice, bob, carol] = ['alice@contoso.lab', 'bob@contoso.lab', 'carol@contoso.lab'];

const topics = [bob, carol].map((owner) => ({
  ...{ owner, name: 'gold', words: 'gold', lexemes: ['gold'], author: null, mentionsMe: false, rooms: null },
}));

let seq = 0;
const post = (body: string, mentions: string[] = []): PostEvent => {
  seq += 1;
  const scope = '00000000-0000-0000-0000-000000000001';
  return { kind: 'post', scope, seq, at: '', by: alice, clientId: `${seq}`, body, mentions, files: [] };
};

async function start() {
  const lines: string[] = [];
  const registry = new Registry();
  const database = { away: false };
  let changed = (_owner: string | undefined): void => {};
  const query = async (asked: string | { name: string; values: unknown[][] }) => {
    if (typeof asked === 'string') return { rows: topics };
    return { rows: (asked.values[0] ?? []).map((_, at) => ({ at })) };
  };
  const alerts = createAlerts({
    nats: { connected: false, onConnected: () => () => {} },
    pod: 'one',
    database: {
      async use(run) {
        if (database.away) throw new ChatError('unavailable', 'PostgreSQL is away');
        return run({ query } as unknown as PoolClient);
      },
    },
    access: {
      standing: async () => ({ mayRead: true, room: { name: 'Desk', chatHistory: true } }) as Standing,
    },
    notices: {
      onTopics(listener) {
        changed = listener;
        return () => {};
      },
    },
    metrics: registry,
    log: pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }),
  });
  alerts.start();
  changed(undefined);
  await vi.waitFor(() => expect(alerts.topics).toBe(2), { timeout: 10_000 });
  const told: Record<string, Alert[]> = { [bob]: [], [carol]: [] };
  for (const [name, list] of Object.entries(told))
    await alerts.watchAlerts({ name }, (alert) => void list.push(alert));
  const counted = async (result: string) =>
    (await registry.getSingleMetric('linchpin_chat_alerts_total')?.get())?.values.find(
      ({ labels }) => labels.result === result,
    )?.value ?? 0;
  return { ...alerts, database, lines, told, counted };
}

test('Whoever posts is not kept waiting: nothing is done before the others had their turn', async () => {
  const { onCommitted, told } = await start();
  onCommitted([post('gold')]);
  await Promise.resolve();
  expect(told[bob]).toEqual([]);
  await vi.waitFor(() => expect(told[bob]).toHaveLength(1), { timeout: 10_000 });
});

test('One who would be told all the time is told of some, and takes nothing from others', async () => {
  const { onCommitted, told, counted } = await start();
  onCommitted(Array.from({ length: 500 }, () => post('nothing new', [bob])));
  onCommitted([post('gold')]);
  await vi.waitFor(() => expect(told[carol]).toHaveLength(1), { timeout: 10_000 });
  const some = told[bob]?.length ?? 0;
  expect(some).toBeGreaterThanOrEqual(100);
  expect(some).toBeLessThan(500);
  expect(some + (await counted('limited'))).toBe(501);
});

test('Who is mentioned is told, however much the topics of the same person match', async () => {
  const { onCommitted, told } = await start();
  onCommitted([...Array.from({ length: 500 }, () => post('gold')), post('you are asked for', [carol])]);
  await vi.waitFor(() => expect(told[carol]?.filter(({ mentioned }) => mentioned)).toHaveLength(1), {
    timeout: 10_000,
  });
});

test('What could not be looked up is lost and counted, and what comes later is told', async () => {
  const { onCommitted, told, counted, database, lines } = await start();
  database.away = true;
  onCommitted([post('gold')]);
  await vi.waitFor(async () => expect(await counted('lost')).toBe(2), { timeout: 10_000 });
  database.away = false;
  onCommitted([post('gold again')]);
  await vi.waitFor(() => expect(told[bob]).toMatchObject([{ excerpt: 'gold again' }]), { timeout: 10_000 });
  expect(lines).toEqual([]);
});

test('A pod that is flooded passes posts over, and goes on', async () => {
  const { onCommitted, told, counted } = await start();
  onCommitted(Array.from({ length: 20_100 }, () => post('silver')));
  expect(await counted('lost')).toBe(100);
  onCommitted([post('gold')]);
  expect(await counted('lost')).toBe(101);
  await vi.waitFor(
    () => {
      onCommitted([post('gold')]);
      expect(told[bob]).not.toEqual([]);
    },
    { timeout: 10_000 },
  );
});

test('A long post is cut between two characters', async () => {
  const { onCommitted, told } = await start();
  onCommitted([post(`gold ${'😀'.repeat(300)}`), post(`gold ${'x'.repeat(195)}`)]);
  await vi.waitFor(() => expect(told[bob]).toHaveLength(2), { timeout: 10_000 });
  expect(told[bob]?.map(({ excerpt }) => [[...excerpt].length, excerpt.at(-1)])).toEqual([
    [200, '…'],
    [200, 'x'],
  ]);
  expect(told[bob]?.[0]?.excerpt.isWellFormed()).toBe(true);
});
