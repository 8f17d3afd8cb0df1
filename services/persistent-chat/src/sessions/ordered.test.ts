import type { ChatEvent } from '@linchpin/proto/chat-events';
import { expect, test } from 'vitest';
import { createOrdered } from './ordered.ts';

const events = (...numbers: number[]): ChatEvent[] =>
  numbers.map((seq) => ({ scope: 'room', seq, at: '', by: '', kind: 'join' }));
const numbers = (given: ChatEvent[]): number[] => given.map(({ seq }) => seq);

test('gives each event once and in order', () => {
  const ordered = createOrdered(2);
  expect(numbers(ordered.add(events(1, 2, 3)))).toEqual([3]);
  expect(numbers(ordered.add(events(6, 5)))).toEqual([]);
  expect(ordered.gap()).toEqual({ after: 3, upTo: 6 });
  expect(numbers(ordered.add(events(3, 4)))).toEqual([4, 5, 6]);
  expect(numbers(ordered.add(events(4, 5, 6)))).toEqual([]);
  expect(ordered.gap()).toBeUndefined();
});

test('knows that something is missing when somebody says so', () => {
  const ordered = createOrdered(2);
  ordered.expect(4);
  expect(ordered.gap()).toEqual({ after: 2, upTo: 4 });
  expect(numbers(ordered.add(events(4, 3)))).toEqual([3, 4]);
});

test('goes on behind what does not come any more', () => {
  const ordered = createOrdered(0);
  ordered.add(events(2, 4, 5, 8));
  expect(numbers(ordered.skip(4))).toEqual([2, 4, 5]);
  expect(ordered.gap()).toEqual({ after: 5, upTo: 8 });
  expect(numbers(ordered.add(events(3)))).toEqual([]);
  expect(numbers(ordered.skip(8))).toEqual([8]);
});
