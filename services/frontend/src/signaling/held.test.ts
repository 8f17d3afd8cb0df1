import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createHeld } from './held.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(limit = 10) {
  const expired: string[] = [];
  const held = createHeld<string>({ milliseconds: 5000, limit, onExpired: (one) => expired.push(one) });
  return { held, expired };
}

test('what nobody takes gives up, each in its time', () => {
  const { held, expired } = setUp();
  held.add('a');
  vi.advanceTimersByTime(3000);
  held.add('b');
  vi.advanceTimersByTime(2000);
  expect([expired, held.size]).toEqual([['a'], 1]);
  vi.advanceTimersByTime(3000);
  expect([expired, held.size]).toEqual([['a', 'b'], 0]);
});

test('what is taken is gone, the rest waits on in its order', () => {
  const { held, expired } = setUp();
  for (const one of ['a', 'b', 'c']) held.add(one);
  held.look((one) => one === 'b');
  const seen: string[] = [];
  held.look((one) => seen.push(one) < 0);
  expect(seen).toEqual(['a', 'c']);
  vi.advanceTimersByTime(5000);
  expect(expired).toEqual(['a', 'c']);
});

test('what comes while looking waits as well', () => {
  const { held } = setUp();
  held.add('a');
  held.look(() => held.add('b'));
  expect(held.size).toBe(1);
});

test('no more wait than may', () => {
  const { held } = setUp(1);
  expect([held.add('a'), held.add('b')]).toEqual([true, false]);
});
