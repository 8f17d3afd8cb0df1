import { expect, test } from 'vitest';
import { preference } from './preference.ts';

const pods = ['persistent-chat-0', 'persistent-chat-1', 'persistent-chat-2'];
const keys = Array.from({ length: 300 }, (_, n) => `room ${n}`);

test('everybody finds the same order, however they list the pods', () => {
  for (const key of keys) expect(preference(key, pods)).toEqual(preference(key, pods.toReversed()));
});

test('each pod is first for about its share', () => {
  const firsts = Map.groupBy(keys, (key) => preference(key, pods)[0]);
  for (const pod of pods) expect(firsts.get(pod)?.length).toBeGreaterThan(60);
});

test('who loses its first goes to its second, nobody else moves', () => {
  for (const key of keys) {
    const [first, second] = preference(key, pods);
    const rest = pods.filter((pod) => pod !== 'persistent-chat-1');
    expect(preference(key, rest)[0]).toBe(first === 'persistent-chat-1' ? second : first);
  }
});
