import type { MemberRecord } from '@linchpin/topology';
import { expect, test } from 'vitest';
import { followIncarnations } from './incarnations.ts';

test('a pod that comes back as another process is told, one that is cut off for a while is not', () => {
  let change = () => {};
  let list: Pick<MemberRecord, 'pod' | 'incarnation'>[] = [];
  const again: string[] = [];
  const members = {
    list: () => list as MemberRecord[],
    onChange(listener: () => void) {
      change = listener;
      return () => {};
    },
  };
  followIncarnations(members, (pod) => again.push(pod));
  const say = (...now: [pod: string, incarnation: string][]) => {
    list = now.map(([pod, incarnation]) => ({ pod, incarnation }));
    change();
  };
  say(['frontend-1', 'a'], ['frontend-2', 'b']);
  say(['frontend-2', 'b']);
  say(['frontend-1', 'a'], ['frontend-2', 'b']);
  expect(again).toEqual([]);
  say(['frontend-1', 'c'], ['frontend-2', 'b']);
  say(['frontend-1', 'c']);
  say(['frontend-1', 'c'], ['frontend-2', 'd']);
  expect(again).toEqual(['frontend-1', 'frontend-2']);
});
