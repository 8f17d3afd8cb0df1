import { expect, onTestFinished, test, vi } from 'vitest';
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
  expect(attempts.refused('d', 'alice')).toEqual({ rule: 'account-failures', retryAfter: 1000 });
  expect(attempts.refused('d', 'bob')).toBeUndefined();
});

test('guesses from one source are few, whomever they are for', () => {
  const attempts = createAttempts({ source: bucket(3), account: bucket(100) });
  for (const account of ['alice', 'bob', 'carol']) attempts.failed('a', account);
  expect(attempts.refused('a', 'dave')).toEqual({ rule: 'source-failures', retryAfter: 1000 });
  expect(attempts.refused('b', 'dave')).toBeUndefined();
});

test('who has signed in from there goes on, whatever others guess, but guesses no more than others', () => {
  const attempts = createAttempts({ source: bucket(3), account: bucket(3) });
  attempts.succeeded('a', 'alice');
  fail(attempts, 9, 'a', 'bob');
  fail(attempts, 9, 'b', 'alice');
  expect(attempts.refused('a', 'alice')).toBeUndefined();
  fail(attempts, 3, 'a', 'alice');
  expect(attempts.refused('a', 'alice')?.rule).toBe('account-failures');
});

test('many who have signed in through one proxy are not guessed at without end', () => {
  const attempts = createAttempts({ source: bucket(2), account: bucket(10) });
  for (let user = 0; user < 100; user++) attempts.succeeded('proxy', `user ${user}`);
  for (let user = 0; user < 20; user++) attempts.failed('proxy', `user ${user}`);
  expect(attempts.refused('proxy', 'user 99')).toEqual({ rule: 'source-failures', retryAfter: 100 });
});

test('without a limit by account the one by source still counts, also where one has signed in', () => {
  const attempts = createAttempts({ source: bucket(3), account: { perSecond: 0, burst: 1 } });
  attempts.succeeded('a', 'alice');
  fail(attempts, 3, 'a', 'alice');
  expect(attempts.refused('a', 'alice')).toEqual({ rule: 'account-failures', retryAfter: 1000 });
});

test('of the names that strangers make up little is kept', () => {
  const set = vi.spyOn(Map.prototype, 'set');
  onTestFinished(() => set.mockRestore());
  const attempts = createAttempts({ source: bucket(3), account: bucket(3) });
  attempts.failed('a', 'x'.repeat(8000));
  const longest = Math.max(...set.mock.calls.map(([key]) => String(key).length));
  expect(longest).toBeLessThan(200);
});

test('a limit that is switched off refuses nobody', () => {
  const off = { perSecond: 0, burst: 1 };
  const attempts = createAttempts({ source: off, account: off });
  fail(attempts, 100, 'a', 'alice');
  expect(attempts.refused('a', 'alice')).toBeUndefined();
});
