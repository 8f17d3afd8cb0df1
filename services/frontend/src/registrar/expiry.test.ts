import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createExpiry } from './expiry.ts';

beforeEach(() => void vi.useFakeTimers({ now: 1_000_500 }));
afterEach(() => void vi.useRealTimers());

test('calls back once a time has passed, never before, and once for names that share it', () => {
  const due: [string, number][] = [];
  const expiry = createExpiry((name) => due.push([name, Date.now()]));
  expiry.set('alice', 1_003_200);
  expiry.set('bob', 1_003_900);
  expiry.set('alice', 1_010_000);
  vi.advanceTimersByTime(2600);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(2000);
  expect(due.map(([name]) => name)).toEqual(['alice', 'bob']);
  expect(due.every(([, at]) => at >= 1_003_900)).toBe(true);
  vi.advanceTimersByTime(10_000);
  expect(due).toHaveLength(3);
  expiry.stop();
});

test('a time that has passed already is due at the next turn', () => {
  const due: string[] = [];
  const expiry = createExpiry((name) => due.push(name));
  expiry.set('late', 5);
  vi.advanceTimersByTime(1500);
  expect(due).toEqual(['late']);
  expiry.stop();
});
