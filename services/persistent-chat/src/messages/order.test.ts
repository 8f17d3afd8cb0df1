import { expect, test } from 'vitest';
import { createOrder } from './order.ts';

test('what was asked first is there first, also when it takes longer', async () => {
  const inOrder = createOrder();
  const slow = Promise.withResolvers<void>();
  const done: string[] = [];
  const ask = (key: string, name: string, work: () => Promise<void>) =>
    inOrder(key, work).then(() => done.push(name));
  const all = [
    ask('a', 'slow', () => slow.promise),
    ask('a', 'fast', async () => {}),
    ask('b', 'other', async () => {}),
  ];
  await all[2];
  expect(done).toEqual(['other']);
  slow.resolve();
  await Promise.all(all);
  expect(done).toEqual(['other', 'slow', 'fast']);
});

test('a failure is its own', async () => {
  const inOrder = createOrder();
  const failed = inOrder('a', () => Promise.reject(new Error('no')));
  const next = inOrder('a', async () => 'yes');
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('yes');
});
