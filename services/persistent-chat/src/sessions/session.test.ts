import type { ChatEvent } from '@linchpin/proto/chat-events';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createSession, MAX_WAITING } from './session.ts';

const log = pino({ level: 'silent' });
const events = (...numbers: number[]): ChatEvent[] =>
  numbers.map((seq) => ({ scope: 'room', seq, at: '', by: '', kind: 'join' }));

function setUp(onEvents: (seen: number[]) => void | Promise<void>) {
  const told: (number | string)[] = [];
  const session = createSession({
    caller: { name: 'alice@contoso.lab' },
    member: 'alice@contoso.lab',
    listener: {
      onEvents(given) {
        const seen = given.map(({ seq }) => seq);
        told.push(...seen);
        return onEvents(seen);
      },
      onRoster: (roster) => void told.push(roster ? 'roster' : 'no roster'),
      onEnded: (why) => void told.push(why),
    },
    onFailed: (failed, why) => failed.end(why),
    log,
  });
  return { session, told };
}

test('hears what comes after its start, also what came before its turn', () => {
  const { session, told } = setUp(() => {});
  session.give(events(1, 2, 3));
  session.give(events(4));
  expect(told).toEqual([]);
  session.start(2);
  session.giveRoster(undefined);
  session.give(events(5));
  expect(told).toEqual([3, 4, 'no roster', 5]);
});

test('hears the next when it has taken the last', async () => {
  const open: (() => void)[] = [];
  const { session, told } = setUp(() => new Promise<void>((resolve) => open.push(resolve)));
  session.start(0);
  session.give(events(1));
  session.give(events(2));
  session.give(events(3));
  expect(told).toEqual([1]);
  open.shift()?.();
  await Promise.resolve();
  expect(told).toEqual([1, 2]);
});

test('is lagging when it takes nothing, and hears of nothing else then', () => {
  const { session, told } = setUp(() => new Promise<void>(() => {}));
  session.start(0);
  for (let seq = 1; seq <= MAX_WAITING + 5; seq++) session.give(events(seq));
  session.end('removed');
  expect(told).toEqual([1, 'lagging']);
});

test('a listener that fails is ended and disturbs nobody', async () => {
  const thrown = setUp(() => {
    throw new Error('no');
  });
  thrown.session.start(0);
  thrown.session.give(events(1));
  expect(thrown.told).toEqual([1, 'lagging']);
  const rejected = setUp(() => Promise.reject(new Error('no')));
  rejected.session.start(0);
  rejected.session.give(events(1));
  await new Promise(setImmediate);
  expect(rejected.told).toEqual([1, 'lagging']);
});
