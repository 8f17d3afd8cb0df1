import { expect, test } from 'vitest';
import { createTurns } from './turns.ts';

test('no more than so many run at a time, in order, whatever becomes of them', async () => {
  const inTurn = createTurns(3);
  const begun: number[] = [];
  let [running, most] = [0, 0];
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) =>
      inTurn(async () => {
        begun.push(n);
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        if (n % 4 === 0) throw new Error(`${n}`);
        return n;
      }),
    ),
  );
  expect(most).toBe(3);
  expect(begun).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(5);
  expect(await inTurn(async () => 'still open')).toBe('still open');
});

test('whoever comes when too many wait is refused at once', async () => {
  const inTurn = createTurns(1, { waiting: 1, refusal: () => new Error('too many') });
  const open = Promise.withResolvers<void>();
  const first = inTurn(() => open.promise);
  const second = inTurn(async () => 'second');
  await expect(inTurn(async () => 'third')).rejects.toThrow('too many');
  open.resolve();
  expect([await first, await second]).toEqual([undefined, 'second']);
  expect(await inTurn(async () => 'fourth')).toBe('fourth');
});
