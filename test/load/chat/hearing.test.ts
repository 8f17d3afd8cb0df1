import { expect, it } from 'vitest';
import { hearingOf, percentile } from './hearing.ts';

const sent = [
  { clientId: 'a', room: 0, at: 100, stored: 104 },
  { clientId: 'b', room: 1, at: 200, stored: 203 },
  { clientId: 'c', room: 1, at: 300, stored: 302 },
];
const sizeOf = (room: number): number => [3, 2][room] as number;

it('takes the last hearer of all pods, and says what somebody missed or heard twice', () => {
  const hearing = hearingOf(
    sent,
    [
      ['a', { count: 1, last: 120 }],
      ['a', { count: 2, last: 110 }],
      ['b', { count: 1, last: 201 }],
      ['c', { count: 2, last: 301 }],
      ['c', { count: 1, last: 305 }],
    ],
    sizeOf,
  );
  expect(hearing).toEqual({ posts: 3, wrong: 2, toLast: [20], toStored: [2, 3, 4] });
});

it('gives the worst where there are few', () => {
  expect(percentile([1, 2, 3], 0.99)).toBe(3);
  expect(percentile([1, 2, 3, 4], 0.5)).toBe(3);
  expect(percentile([], 0.5)).toBeNaN();
});
