import { expect, test } from 'vitest';
import { createFakeClock } from './fakes.ts';
import type { TimerName } from './machine.ts';
import { createTimerQueues } from './timer-queues.ts';

function setUp() {
  const clock = createFakeClock();
  const begin = clock.now();
  const fired: [string, number][] = [];
  const owner = (name: string) => ({ fired: () => void fired.push([name, clock.now() - begin]) });
  const queues = createTimerQueues(clock);
  const start = (name: string, after: number, on: TimerName = 'A') => queues.start(owner(name), on, after);
  return { clock, fired, queues, start };
}

test('fires each timer at its time with one timeout for all', () => {
  const { clock, fired, start } = setUp();
  start('long', 4000);
  start('short', 500);
  clock.advance(100);
  start('short again', 500);
  expect(clock.armed).toBe(1);
  clock.advance(10_000);
  expect(fired).toEqual([
    ['short', 500],
    ['short again', 600],
    ['long', 4000],
  ]);
  expect(clock.armed).toBe(0);
});

test('a stopped timer does not fire, and may be stopped twice or after it fired', () => {
  const { clock, fired, queues, start } = setUp();
  const first = start('first', 500);
  const second = start('second', 500);
  queues.stop(first);
  queues.stop(first);
  clock.advance(500);
  queues.stop(second);
  expect(fired).toEqual([['second', 500]]);
});

test('a timer may stop others and start new ones while it fires', () => {
  const { clock, fired, queues, start } = setUp();
  let next: ReturnType<typeof start> | undefined;
  const owner = {
    fired: () => {
      if (next !== undefined) queues.stop(next);
      start('follower', 500);
    },
  };
  queues.start(owner, 'E', 500);
  next = start('next', 500);
  clock.advance(1000);
  expect(fired).toEqual([['follower', 1000]]);
});

test('goes on with the other timers when one throws', () => {
  const { clock, fired, queues, start } = setUp();
  const owner = {
    fired: () => {
      throw new Error('from the user');
    },
  };
  queues.start(owner, 'E', 500);
  start('other', 500);
  expect(() => clock.advance(500)).toThrow('from the user');
  clock.advance(10);
  expect(fired).toEqual([['other', 501]]);
});

test('forgets all timers when closed', () => {
  const { clock, fired, queues, start } = setUp();
  start('any', 500);
  queues.close();
  expect(clock.armed).toBe(0);
  clock.advance(1000);
  expect(fired).toEqual([]);
});

test('stays in order with a hundred thousand timers, most of them stopped', () => {
  const { clock, fired, queues, start } = setUp();
  for (let i = 0; i < 100_000; i++) {
    const timer = start(String(i), i % 2 === 0 ? 500 : 32_000);
    if (i % 1000 !== 0) queues.stop(timer);
  }
  clock.advance(500);
  expect(fired.map(([name]) => name)).toEqual(Array.from({ length: 100 }, (_, i) => String(i * 1000)));
});
