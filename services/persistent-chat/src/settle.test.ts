import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ChatError } from './chat.ts';
import { LOCK_MS } from './room-lock.ts';
import { createSettler } from './settle.ts';

interface Item {
  room: string;
  n: number;
  resolve(result: string): void;
  reject(error: ChatError): void;
}

/** A store in which some rooms are locked, and which takes no item that is wrong. */
function setUp() {
  const locked = new Set<string>();
  const wrong = new Set<number>();
  const stored: { rooms: string[]; lockMs: number }[] = [];
  const settle = createSettler<Item>({
    async store(items, lockMs) {
      const rooms = [...new Set(items.map(({ room }) => room))];
      stored.push({ rooms, lockMs });
      if (rooms.some((room) => locked.has(room))) throw Object.assign(new Error('locked'), { code: '55P03' });
      if (items.some(({ n }) => wrong.has(n))) throw new Error('no');
      for (const { resolve, n } of items) resolve(`${n}`);
    },
    log: pino({ level: 'silent' }),
  });
  return {
    ...{ locked, wrong, stored },
    async run(...items: [room: string, n: number][]): Promise<string[]> {
      const answers: Promise<string>[] = [];
      const all = items.map(([room, n]): Item => {
        const { promise, resolve, reject } = Promise.withResolvers<string>();
        answers.push(promise.catch((error: ChatError) => error.code));
        return { room, n, resolve, reject };
      });
      await settle(all);
      return Promise.all(answers);
    },
  };
}

test('what is wrong with one item costs the others nothing', async () => {
  const { run, wrong } = setUp();
  wrong.add(2);
  expect(await run(['a', 1], ['a', 2], ['b', 3])).toEqual(['1', 'unavailable', '3']);
});

test('a room that is locked is refused, and stops no other', async () => {
  const { run, locked, stored } = setUp();
  locked.add('b');
  expect(await run(['a', 1], ['b', 2], ['b', 3], ['c', 4])).toEqual(['1', 'unavailable', 'unavailable', '4']);
  expect(stored.map(({ rooms }) => rooms.join())).toEqual(['a,b,c', 'a', 'b', 'c']);
  expect(stored[0]?.lockMs).toBe(LOCK_MS);
  for (const { lockMs } of stored.slice(1)) expect(lockMs).toBeLessThan(LOCK_MS / 10);
});

test('as long as it is locked it comes behind the others and is waited for for a moment; then it is one of them again', async () => {
  const { run, locked, stored } = setUp();
  locked.add('a');
  await run(['a', 1], ['b', 2]);
  stored.length = 0;
  expect(await run(['a', 3], ['b', 4], ['c', 5])).toEqual(['unavailable', '4', '5']);
  expect(stored.map(({ rooms }) => rooms.join())).toEqual(['b,c', 'a']);
  expect(stored[1]?.lockMs).toBeLessThan(LOCK_MS / 10);
  locked.delete('a');
  expect(await run(['a', 6], ['b', 7])).toEqual(['6', '7']);
  stored.length = 0;
  expect(await run(['a', 8], ['b', 9])).toEqual(['8', '9']);
  expect(stored).toEqual([{ rooms: ['a', 'b'], lockMs: LOCK_MS }]);
});

test('nothing is tried again while the store is away', async () => {
  const tried: number[] = [];
  const settle = createSettler<Item>({
    async store(items) {
      tried.push(items.length);
      throw new ChatError('unavailable', 'away');
    },
    log: pino({ level: 'silent' }),
  });
  const refused: string[] = [];
  const item = (room: string): Item => ({
    ...{ room, n: 0, resolve() {} },
    reject: ({ code }) => void refused.push(code),
  });
  await settle([item('a'), item('b')]);
  expect([tried, refused]).toEqual([[2], ['unavailable', 'unavailable']]);
});
