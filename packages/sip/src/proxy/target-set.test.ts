import { describe, expect, it } from 'vitest';
import { requestOf } from './fakes.ts';
import type { Target } from './target.ts';
import { createTargetSet } from './target-set.ts';

const target = (uri: string, options: Partial<Target> = {}): Target => ({
  uri,
  flow: () => undefined,
  ...options,
});
const withBreadth = (value?: string) =>
  requestOf('INVITE', value === undefined ? [] : [['max-breadth', value]]);

function groupsOf(targets: Target[], breadth?: string) {
  const set = createTargetSet(withBreadth(breadth), targets);
  const groups = [];
  for (let group = set.next(); group; group = set.next()) {
    groups.push({ uris: group.targets.map((one) => one.uri), maxBreadth: group.maxBreadth });
  }
  return groups;
}

describe('RFC 3261 16.6: the order of targets', () => {
  it('is by q, equal ones together, none meaning 1', () => {
    const targets = [target('a', { q: 0.5 }), target('b'), target('c', { q: 0.7 }), target('d', { q: 1 })];
    expect(groupsOf(targets).map((group) => group.uris)).toEqual([['b', 'd'], ['c'], ['a']]);
  });

  it('is nothing without targets', () => {
    expect(groupsOf([])).toEqual([]);
  });
});

describe('RFC 5393 5.3.3: Max-Breadth', () => {
  it('is 60 when absent, and divided among parallel branches', () => {
    expect(groupsOf([target('a')])).toEqual([{ uris: ['a'], maxBreadth: 60 }]);
    expect(groupsOf([target('a'), target('b')])).toEqual([{ uris: ['a', 'b'], maxBreadth: 30 }]);
  });

  it('is used again by later groups', () => {
    const targets = [target('a'), target('b', { q: 0.1 })];
    expect(groupsOf(targets, '4').map((group) => group.maxBreadth)).toEqual([4, 4]);
  });

  it('makes one branch after the other of what is too broad (5.5)', () => {
    const targets = ['a', 'b', 'c', 'd', 'e'].map((uri) => target(uri));
    expect(groupsOf(targets, '2')).toEqual([
      { uris: ['a', 'b'], maxBreadth: 1 },
      { uris: ['c', 'd'], maxBreadth: 1 },
      { uris: ['e'], maxBreadth: 2 },
    ]);
  });

  it.each(['61', '99999', '0', '-1', 'x', ''])('is overwritten when it is %j', (value) => {
    expect(groupsOf([target('a')], value)).toEqual([{ uris: ['a'], maxBreadth: 60 }]);
  });
});

describe('RFC 5626 7: registrations of one device', () => {
  const main = target('flow1', { instance: 'phone' });
  const spare = target('flow2', { instance: 'phone', q: 0.9 });
  const other = target('other', { instance: 'desk' });

  it('are not tried at the same time, nor later by themselves', () => {
    expect(groupsOf([spare, main, other]).map((group) => group.uris)).toEqual([['flow1', 'other']]);
  });

  it('stand in for each other once', () => {
    const set = createTargetSet(withBreadth(), [main, spare, other]);
    expect(set.alternative(other)).toBeUndefined();
    expect(set.alternative(main)).toBe(spare);
    expect(set.alternative(spare)).toBeUndefined();
  });
});
