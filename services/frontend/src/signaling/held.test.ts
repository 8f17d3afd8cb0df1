import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createHeld } from './held.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(limit = 10, limitBytes = 100) {
  const expired: string[] = [];
  const held = createHeld<string>({
    ...{ milliseconds: 5000, limit, limitBytes },
    onExpired: (one) => expired.push(one),
  });
  return { held, expired };
}

test('what nobody takes gives up, each in its time', () => {
  const { held, expired } = setUp();
  held.add('a', 1);
  vi.advanceTimersByTime(3000);
  held.add('b', 1);
  vi.advanceTimersByTime(2000);
  expect([expired, held.size]).toEqual([['a'], 1]);
  vi.advanceTimersByTime(3000);
  expect([expired, held.size]).toEqual([['a', 'b'], 0]);
});

test('what is taken is gone, the rest waits on in its order', () => {
  const { held, expired } = setUp();
  for (const one of ['a', 'b', 'c']) held.add(one, 1);
  held.look((one) => one === 'b');
  const seen: string[] = [];
  held.look((one) => seen.push(one) < 0);
  expect(seen).toEqual(['a', 'c']);
  vi.advanceTimersByTime(5000);
  expect(expired).toEqual(['a', 'c']);
});

test('what comes while looking waits as well', () => {
  const { held } = setUp();
  held.add('a', 1);
  held.look(() => held.add('b', 1));
  expect(held.size).toBe(1);
});

test('where looking fails at one, the others wait on, and its place is free', () => {
  const { held, expired } = setUp(10, 100);
  for (const one of ['a', 'b', 'c', 'd']) held.add(one, 25);
  const failing = (one: string): boolean => {
    if (one === 'c') throw new Error('broken');
    return one === 'a';
  };
  expect(() => held.look(failing)).toThrow('broken');
  expect([held.size, held.add('e', 50), held.add('f', 1)]).toEqual([2, true, false]);
  vi.advanceTimersByTime(5000);
  expect(expired).toEqual(['b', 'd', 'e']);
});

test('no more wait than may', () => {
  const { held } = setUp(1);
  expect([held.add('a', 1), held.add('b', 1)]).toEqual([true, false]);
});

test('what waits takes a bounded place, which is free again when it is taken or gives up', () => {
  const { held } = setUp(10, 100);
  expect([held.add('a', 60), held.add('b', 60), held.add('c', 40)]).toEqual([true, false, true]);
  held.look((one) => one === 'a');
  expect(held.add('d', 60)).toBe(true);
  vi.advanceTimersByTime(5000);
  expect([held.size, held.add('e', 100)]).toEqual([0, true]);
});
