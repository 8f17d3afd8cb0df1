import { describe, expect, test } from 'vitest';
import { closeGently } from './close-gently.ts';

/** A clock that stands still while nobody sleeps. */
function createClock() {
  let now = 5_000;
  let seed = 1;
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  return {
    now: () => now,
    random,
    sleep: async (ms: number) => {
      now += ms;
    },
    since: () => now - 5_000,
  };
}

interface Client {
  name: number;
  busyUntil: number;
}

const some = (count: number, busyUntil = 0): Client[] =>
  Array.from({ length: count }, (_, name) => ({ name, busyUntil }));

async function drain(
  clients: Client[],
  limitMs: number,
  { signal = new AbortController().signal, late = [] as Client[] } = {},
) {
  const clock = createClock();
  const open = new Set(clients);
  const closed = new Map<Client, number>();
  let refusedAt = -1;
  await closeGently(
    { limitMs, signal },
    {
      open: () => open,
      busy: () => (client) => client.busyUntil > clock.since(),
      close(client) {
        open.delete(client);
        closed.set(client, clock.since());
        for (const newcomer of late.splice(0)) open.add(newcomer);
      },
      refuse() {
        refusedAt = clock.since();
      },
      clock,
    },
  );
  return { refusedAt, closed, order: [...closed.keys()], times: [...closed.values()], open };
}

/** How many there are at most between a time and `ms` later. */
function mostWithin(times: number[], ms: number): number {
  let most = 0;
  let from = 0;
  times.forEach((time, at) => {
    while ((times[from] as number) <= time - ms) from++;
    most = Math.max(most, at - from + 1);
  });
  return most;
}

describe('connections are closed gently', () => {
  test('over a third of the time, evenly, and in no order', async () => {
    const { times, order, open } = await drain(some(600), 60_000);
    expect(open.size).toBe(0);
    expect(times.at(-1)).toBeGreaterThan(18_000);
    expect(times.at(-1)).toBeLessThan(21_000);
    // 30 each second.
    expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(34);
    const names = order.map(({ name }) => name);
    expect(names).not.toEqual(names.toSorted((a, b) => a - b));
    expect(names).not.toEqual(names.toSorted((a, b) => b - a));
    expect(new Set(times.slice(0, 50).map((time) => time % 50)).size).toBeGreaterThan(10);
  });

  test('never more than 200 each second where that suffices', async () => {
    const { times } = await drain(some(7_000), 60_000);
    expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(220);
    expect(times.at(-1)).toBeGreaterThan(33_000);
    expect(times.at(-1)).toBeLessThan(40_000);
  });

  test('where 200 each second do not suffice, all are closed evenly within two thirds of the time', async () => {
    const { times } = await drain(some(20_000), 60_000);
    expect(times.length).toBe(20_000);
    expect(times.at(-1)).toBeLessThanOrEqual(40_200);
    expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(600);
  });

  test('the busy ones come last, when they have ended what is under way', async () => {
    const busy = [...some(1, 30_000), ...some(1, 25_000)];
    const { order, closed } = await drain([...busy, ...some(100)], 60_000);
    expect(new Set(order.slice(-2))).toEqual(new Set(busy));
    for (const client of busy) {
      expect(closed.get(client)).toBeGreaterThanOrEqual(client.busyUntil);
      expect(closed.get(client)).toBeLessThan(client.busyUntil + 1_000);
    }
  });

  test('one that stays busy is closed after two thirds of the time', async () => {
    const { times } = await drain(some(1, Number.POSITIVE_INFINITY), 60_000);
    expect(times[0]).toBeGreaterThanOrEqual(40_000);
    expect(times[0]).toBeLessThan(41_000);
  });

  test('a handful takes a moment', async () => {
    expect((await drain(some(3), 3_000)).times.at(-1)).toBeLessThan(500);
    expect((await drain([], 3_000)).times).toEqual([]);
  });

  test('many that stay busy are not closed at one blow either', async () => {
    const { times } = await drain(some(1_000, Number.POSITIVE_INFINITY), 60_000);
    expect(times.at(-1)).toBeLessThanOrEqual(50_100);
    expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(220);
  });

  test('newcomers are closed too', async () => {
    const { closed, open } = await drain(some(20), 60_000, { late: some(10) });
    expect([closed.size, open.size]).toEqual([30, 0]);
  });

  test('new ones are taken for a moment, because load balancers learn late', async () => {
    const { refusedAt } = await drain([], 60_000);
    expect(refusedAt).toBeGreaterThanOrEqual(5_000);
    expect(refusedAt).toBeLessThan(5_100);
    expect((await drain([], 3_000)).refusedAt).toBe(0);
  });

  test('the end of the drain ends it', async () => {
    expect((await drain(some(5), 1_000, { signal: AbortSignal.abort() })).open.size).toBe(5);
  });
});
