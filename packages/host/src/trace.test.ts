import { expect, test } from 'vitest';
import { newTraceparent, parseTraceparent } from './trace.ts';

const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('a new trace is one that parses', () => {
  const trace = newTraceparent();
  expect(parseTraceparent(trace)).toMatchObject({ sampled: true });
  expect(newTraceparent()).not.toBe(trace);
});

test('a child stays in the trace, with a span of its own and the decision to sample', () => {
  const child = parseTraceparent(newTraceparent(parent));
  expect(child?.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  expect(child?.parentId).not.toBe('00f067aa0ba902b7');
  expect(newTraceparent(parent.replace(/01$/, '00'))).toMatch(/-00$/);
});

test('a later version may carry more', () => {
  expect(parseTraceparent(`01${parent.slice(2)}-more`)?.sampled).toBe(true);
});

test.each([
  ['nothing', undefined],
  ['another form', 'b3:4bf92f3577b34da6'],
  ['version ff', `ff${parent.slice(2)}`],
  ['upper case', parent.toUpperCase()],
  ['version 00 with more', `${parent}-more`],
  ['an all-zero trace', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
  ['an all-zero span', `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`],
])('%s is no parent', (_, value) => {
  expect(parseTraceparent(value)).toBeUndefined();
  expect(parseTraceparent(newTraceparent(value))).toBeDefined();
});
