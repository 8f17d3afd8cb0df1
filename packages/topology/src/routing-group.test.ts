import { describe, expect, test } from 'vitest';
import { GROUPS, groupOf, placement } from './routing-group.ts';

const pods = (count: number): string[] => Array.from({ length: count }, (_, at) => `frontend-${at}`);
const primaries = (members: readonly string[]) => placement(members).map(([primary]) => primary);
const countOf = <T>(list: readonly T[], wanted: T) => list.filter((one) => one === wanted).length;
const moved = (before: readonly unknown[], after: readonly unknown[]) =>
  before.filter((one, at) => one !== after[at]).length;

describe('groupOf', () => {
  test('spreads users evenly', () => {
    const sizes = new Array<number>(GROUPS).fill(0);
    for (let user = 0; user < 32_000; user++) {
      const group = groupOf(`sip:user${user}@contoso.lab`);
      sizes[group] = (sizes[group] ?? 0) + 1;
    }
    expect(Math.min(...sizes)).toBeGreaterThan(850);
    expect(Math.max(...sizes)).toBeLessThan(1150);
  });

  test('stays what it is: it is part of the name of what is stored', () => {
    expect(['alice', 'bob', 'carol'].map((name) => groupOf(`sip:${name}@contoso.lab`))).toEqual([4, 16, 21]);
  });
});

describe('placement', () => {
  test('of nobody is nobody', () => {
    expect(placement([])).toEqual(Array.from({ length: GROUPS }, () => []));
  });

  test.each([1, 2, 3, 4, 5, 7, 12, 40])('of %i pods gives nobody more than its share', (count) => {
    const all = placement(pods(count));
    expect(all).toHaveLength(GROUPS);
    for (const copies of all) {
      expect(copies).toHaveLength(Math.min(3, count));
      expect(new Set(copies).size).toBe(copies.length);
    }
    const most = Math.max(...pods(count).map((pod) => countOf(primaries(pods(count)), pod)));
    expect(most).toBeLessThanOrEqual(Math.ceil(GROUPS / count));
  });

  test('asks for no order', () => {
    expect(placement(['b', 'a', 'c', 'a'])).toEqual(placement(['c', 'b', 'a']));
  });

  test.each([2, 3, 4, 6])('without one of %i pods moves its groups to who kept them', (count) => {
    const before = placement(pods(count));
    for (const gone of pods(count)) {
      const after = primaries(pods(count).filter((pod) => pod !== gone));
      const orphans = before.flatMap(([primary], group) => (primary === gone ? [group] : []));
      for (const group of orphans) expect(before[group]?.[1]).toBe(after[group]);
    }
  });

  test.each([2, 3, 4, 6])('with one more than %i pods moves little beside what that one gets', (count) => {
    const before = primaries(pods(count));
    const after = primaries(pods(count + 1));
    const share = countOf(after, `frontend-${count}`);
    expect(moved(before, after)).toBeLessThanOrEqual(share + 4);
  });
});
