import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { followMembers } from './follow-members.ts';
import type { Member } from './kinds/topology.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function follow(withAnnounced = true) {
  let members: Member[] = [];
  let update = (): void => {};
  let replan = (): void => {};
  const log: string[] = [];
  const onChange = (listener: () => void) => {
    update = listener;
    return () => {};
  };
  const up = new Set<string>();
  const topology = {
    onChange(listener: (changes: readonly { kind: string }[]) => void) {
      replan = () => listener([{ kind: 'Topology' }]);
      return () => {};
    },
  };
  const open = ({ name, address }: Member) => {
    log.push(`open ${name} ${address}`);
    return {
      close: () => void log.push(`close ${name}`),
      get up() {
        return up.has(name);
      },
    };
  };
  const followed = followMembers(
    topology as never,
    () => members,
    open,
    withAnnounced ? { onChange } : undefined,
  );
  return {
    ...followed,
    up,
    are(...now: string[]) {
      log.length = 0;
      members = now.map((text) => ({ name: text.slice(0, 1), address: text.slice(1) }));
      if (withAnnounced) update();
      else replan();
      return log;
    },
    replan: () => replan(),
    log,
  };
}

it('opens, moves and closes links', () => {
  const { are, links } = follow(false);
  expect(are('a1', 'b1')).toEqual(['open a 1', 'open b 1']);
  expect(are('a2', 'b1')).toEqual(['close a', 'open a 2']);
  expect(are('a2')).toEqual(['close b']);
  expect([...links.keys()]).toEqual(['a']);
});

it('keeps the link of who is announced no more until it breaks', () => {
  const { are, links, up, log, stop } = follow();
  are('a1', 'b1');
  up.add('a');
  expect(are()).toEqual(['close b']);
  vi.advanceTimersByTime(5_000);
  expect([...links.keys()]).toEqual(['a']);
  up.delete('a');
  vi.advanceTimersByTime(1_000);
  expect(log).toEqual(['close b', 'close a']);
  expect(are('a1')).toEqual(['open a 1']);
  stop();
  expect(log).toEqual(['open a 1', 'close a']);
});

it('goes on with the link of who is back before it broke', () => {
  const { are, up } = follow();
  are('a1');
  up.add('a');
  are();
  expect(are('a1')).toEqual([]);
  expect(are('a2')).toEqual(['close a', 'open a 2']);
});

it('closes the link of whom the topology leaves out, also when it is up', () => {
  const { are, up, replan, log } = follow();
  are('a1');
  up.add('a');
  expect(are()).toEqual([]);
  replan();
  expect(log).toEqual(['close a']);
});
