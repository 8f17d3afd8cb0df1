import { expect, test } from 'vitest';
import { together } from './together.ts';

const later = async (turns: number, error?: string): Promise<number> => {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  if (error !== undefined) throw new Error(error);
  return turns;
};

test('rejects with the first in order, not the first in time', async () => {
  await expect(together([later(1), later(50, 'the cause'), later(2, 'a consequence')])).rejects.toThrow(
    'the cause',
  );
});

test('resolves with all, what is not asked for too', async () => {
  expect(await together([later(3), undefined, later(1)])).toEqual([3, undefined, 1]);
});
