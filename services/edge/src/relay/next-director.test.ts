import { beforeEach, describe, expect, it } from 'vitest';
import { createNextDirector, type NextDirector, type Way } from './next-director.ts';

const FLOWS = 300;

let up: Map<string, boolean>;
let living: string[];
let time: number;
let next: NextDirector;
let sessions: { token: string }[];

beforeEach(() => {
  up = new Map();
  living = [];
  time = 0;
  const links = {
    get: (pod: string) => wayTo(pod),
    keys: () => up.keys(),
  } as ReadonlyMap<string, Way>;
  next = createNextDirector({ links, pods: () => living.map((name) => ({ name })), now: () => time });
  sessions = Array.from({ length: FLOWS }, (_, n) => ({ token: `edge-0/a1b2.${n}` }));
});

const wayTo = (pod: string) =>
  up.has(pod) ? { pod, up: up.get(pod) === true, send: () => true } : undefined;

function are(...pods: string[]): void {
  living = pods;
  for (const pod of pods) up.set(pod, true);
}

const directorOf = (session: { token: string }) => (next(session) as { pod?: string } | undefined)?.pod;
const directors = () => sessions.map(directorOf);
const countOf = (pods: (string | undefined)[], pod: string) => pods.filter((one) => one === pod).length;
/** So long that no message is under way any more. */
const pause = () => {
  time += 10_000;
};

describe('the Director of a flow', () => {
  it('is one of those that live, each for its share of flows, and stays the same', () => {
    are('a', 'b', 'c');
    const before = directors();
    for (const pod of living) expect(countOf(before, pod)).toBeGreaterThan(FLOWS / 3 / 1.5);
    pause();
    expect(directors()).toEqual(before);
  });

  it('changes only for the share that a new one takes', () => {
    are('a', 'b', 'c');
    const before = directors();
    are('a', 'b', 'c', 'd');
    pause();
    const after = directors();
    const moved = after.filter((pod, at) => pod !== before[at]);
    expect(new Set(moved)).toEqual(new Set(['d']));
    expect(moved.length).toBeLessThan(FLOWS / 4 / 0.7);
  });

  it('changes at once where it is gone, and nowhere else', () => {
    are('a', 'b', 'c');
    const before = directors();
    up.set('b', false);
    living = ['a', 'c'];
    const after = directors();
    before.forEach((pod, at) => void expect(after[at] === pod).toBe(pod !== 'b'));
    expect(after).not.toContain('b');
  });

  it('does not change in the midst of what a client says', () => {
    are('a');
    expect(new Set(directors())).toEqual(new Set(['a']));
    are('a', 'b');
    for (let n = 0; n < 20; n++) {
      time += 200;
      expect(new Set(directors())).toEqual(new Set(['a']));
    }
    pause();
    expect(countOf(directors(), 'b')).toBeGreaterThan(FLOWS / 3);
  });

  it('is not one that drains, unless there is no other', () => {
    are('a', 'b');
    directors();
    living = ['a'];
    pause();
    expect(new Set(directors())).toEqual(new Set(['a']));
    living = [];
    pause();
    expect(new Set(directors())).toEqual(new Set(['a', 'b']));
  });

  it('is nobody when none can be reached', () => {
    are('a');
    up.set('a', false);
    expect(new Set(directors())).toEqual(new Set([undefined]));
  });
});
