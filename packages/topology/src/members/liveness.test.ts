import { describe, expect, it } from 'vitest';
import { createLiveness } from './liveness.ts';

type Step =
  | [at: number, 'restart']
  | [at: number, 'sees', key: string, sign?: string]
  | [at: number, 'loses', key: string]
  /** A heartbeat of our own comes back, sent at that time. */
  | [at: number, 'hears', sentAt: number];

const timing = { takeoverMs: 3_500, leaseMs: 2_500 };

/** Who is declared dead, with the time at which it happens. */
function run(steps: Step[]): [number, string][] {
  const liveness = createLiveness(timing);
  const dead: [number, string][] = [];
  for (const [at, what, argument, sign = String(at)] of steps) {
    if (what === 'restart') liveness.restart(at);
    if (what === 'sees') liveness.observed(argument, sign, at);
    if (what === 'loses') liveness.removed(argument);
    if (what === 'hears') for (const key of liveness.heard(argument, at)) dead.push([at, key]);
  }
  return dead;
}

/** Our heartbeats come back from one time to another, each after 5 ms. */
const heartbeats = (from: number, to: number): Step[] =>
  Array.from({ length: (to - from) / 500 + 1 }, (_, n) => [from + n * 500 + 5, 'hears', from + n * 500]);

const cases: [name: string, steps: Step[], dead: [number, string][]][] = [
  [
    'is dead when our heartbeats came back for longer than it is silent',
    [[0, 'restart'], [100, 'sees', 'a'], ...heartbeats(0, 5_000)],
    [[4_005, 'a']],
  ],
  [
    'lives while it speaks',
    [[0, 'restart'], ...heartbeats(0, 2_000), [2_100, 'sees', 'a'], ...heartbeats(2_500, 5_500)],
    [],
  ],
  [
    'is not dead yet when what came back was sent before its time was over',
    [[0, 'restart'], [100, 'sees', 'a'], ...heartbeats(0, 2_500), [3_700, 'hears', 3_600]],
    [],
  ],
  [
    'does not die while nothing of ours comes back',
    [
      [0, 'restart'],
      [100, 'sees', 'a'],
    ],
    [],
  ],
  [
    'does not die because we slept: what we had not read yet is read first, and we were not heard either',
    [
      [0, 'restart'],
      [100, 'sees', 'a'],
      ...heartbeats(0, 1_000),
      [11_000, 'hears', 1_500],
      [11_001, 'hears', 10_999],
    ],
    [],
  ],
  [
    'does not die when NATS was away for all',
    [[0, 'restart'], [100, 'sees', 'a'], ...heartbeats(0, 1_000), ...heartbeats(6_000, 6_500)],
    [],
  ],
  [
    'has its time anew when a watch begins anew, also when it is not found any more',
    [
      [0, 'restart'],
      [100, 'sees', 'a'],
      ...heartbeats(0, 3_000),
      [3_100, 'restart'],
      ...heartbeats(3_500, 7_500),
    ],
    [[7_005, 'a']],
  ],
  [
    'is not declared dead when it said that it leaves',
    [[0, 'sees', 'a'], [10, 'loses', 'a'], ...heartbeats(0, 9_000)],
    [],
  ],
  [
    'dies alone',
    [
      [0, 'restart'],
      [0, 'sees', 'a'],
      [0, 'sees', 'b'],
      ...heartbeats(0, 1_500),
      [2_000, 'sees', 'b'],
      ...heartbeats(2_000, 4_500),
    ],
    [[4_005, 'a']],
  ],
];

describe('a member', () => {
  it.each(cases)('%s', (_, steps, dead) => expect(run(steps)).toEqual(dead));

  it('that is dead is not brought back by its last record, but by the next', () => {
    const liveness = createLiveness(timing);
    liveness.restart(0);
    expect(liveness.observed('a', 'one 7', 0)).toBe(true);
    for (let at = 500; at <= 4_000; at += 500) liveness.heard(at, at);
    liveness.restart(4_100);
    expect(liveness.observed('a', 'one 7', 4_101)).toBe(false);
    expect(liveness.observed('a', 'one 8', 4_102)).toBe(true);
  });
});
