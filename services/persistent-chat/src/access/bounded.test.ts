import { expect, test } from 'vitest';
import { createBounded } from './bounded.ts';

test('forgets what was not used for longest', () => {
  const bounded = createBounded<number>(2);
  bounded.set('a', 1);
  bounded.set('b', 2);
  expect(bounded.get('a')).toBe(1);
  bounded.set('c', 3);
  expect(['a', 'b', 'c'].map((key) => bounded.get(key))).toEqual([1, undefined, 3]);
  expect(bounded.size).toBe(2);
});
