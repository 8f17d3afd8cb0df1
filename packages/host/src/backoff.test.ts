import { expect, test } from 'vitest';
import { createBackoff } from './backoff.ts';

test('doubles from 50 ms to 2 s and begins again', () => {
  const backoff = createBackoff(() => 0);
  const delays = Array.from({ length: 8 }, () => backoff.next());
  expect(delays).toEqual([50, 100, 200, 400, 800, 1600, 2000, 2000]);
  backoff.reset();
  expect(backoff.next()).toBe(50);
});

test('chance takes off up to half, so that pods do not come back in step', () => {
  expect(createBackoff(() => 0.999).next()).toBeCloseTo(25, 0);
});
