import { expect, test } from 'vitest';
import { createAttempts } from './attempts.ts';

const bucket = (burst: number) => ({ perSecond: 0.001, burst });
const fail = (
  attempts: ReturnType<typeof createAttempts>,
  times: number,
  source: string,
  account: string,
) => {
  for (let time = 0; time < times; time++) attempts.failed(source, account);
};

test('guesses at one account are few, wherever they come from', () => {
  const attempts = createAttempts({ source: bucket(100), account: bucket(3) });
  for (const source of ['a', 'b', 'c']) attempts.failed(source, 'alice');
  expect(attempts.refused('d', 'alice')).toBe('account-failures');
  expect(attempts.refused('d', 'bob')).toBeUndefined();
});

test('guesses from one source are few, whomever they are for', () => {
  const attempts = createAttempts({ source: bucket(3), account: bucket(100) });
  for (const account of ['alice', 'bob', 'carol']) attempts.failed('a', account);
  expect(attempts.refused('a', 'dave')).toBe('source-failures');
  expect(attempts.refused('b', 'dave')).toBeUndefined();
});

test('who has signed in from there goes on, whatever others guess, but guesses no more than others', () => {
  const attempts = createAttempts({ source: bucket(3), account: bucket(3) });
  attempts.succeeded('a', 'alice');
  fail(attempts, 9, 'a', 'bob');
  fail(attempts, 9, 'b', 'alice');
  expect(attempts.refused('a', 'alice')).toBeUndefined();
  fail(attempts, 3, 'a', 'alice');
  expect(attempts.refused('a', 'alice')).toBe('account-failures');
});

test('a limit that is switched off refuses nobody', () => {
  const off = { perSecond: 0, burst: 1 };
  const attempts = createAttempts({ source: off, account: off });
  fail(attempts, 100, 'a', 'alice');
  expect(attempts.refused('a', 'alice')).toBeUndefined();
});
