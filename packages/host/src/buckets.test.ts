import { afterEach, expect, test, vi } from 'vitest';
import { createBuckets } from './buckets.ts';

afterEach(() => vi.useRealTimers());

const clock = () => {
  let at = 0;
  return {
    now: () => at,
    pass(ms: number) {
      at += ms;
    },
  };
};

test('a burst is let through, then what comes back each second', () => {
  const { now, pass } = clock();
  const buckets = createBuckets({ perSecond: 2, burst: 3 }, 10, now);
  expect([1, 2, 3, 4].map(() => buckets.take('a'))).toEqual([true, true, true, false]);
  expect([buckets.has('a'), buckets.has('b')]).toEqual([false, true]);
  pass(500);
  expect([buckets.has('a'), buckets.take('a'), buckets.take('a')]).toEqual([true, true, false]);
});

test('so many are taken together, or none of them', () => {
  const buckets = createBuckets({ perSecond: 1, burst: 3 }, 10, clock().now);
  expect([4, 2, 2, 1, 1].map((count) => buckets.take('a', count))).toEqual([false, true, false, true, false]);
});

test('0 each second is no limit', () => {
  const buckets = createBuckets({ perSecond: 0, burst: 1 });
  expect([buckets.take('a'), buckets.take('a'), buckets.has('a')]).toEqual([true, true, true]);
});

test('more keys than there is room for push out the oldest, not the newest', () => {
  const { now } = clock();
  const buckets = createBuckets({ perSecond: 1, burst: 1 }, 10, now);
  for (let key = 0; key <= 10; key++) buckets.take(String(key));
  expect([buckets.take('0'), buckets.take('10')]).toEqual([true, false]);
});

test('a clock that is set back shuts nobody out', () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 3_600_000 });
  const buckets = createBuckets({ perSecond: 1, burst: 10 });
  buckets.take('a');
  vi.setSystemTime(0);
  expect(buckets.take('a')).toBe(true);
});
