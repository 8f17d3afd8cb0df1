import { expect, test } from 'vitest';
import { gather } from './gather.ts';

test('what is asked while an answer is awaited is asked at once, and anew', async () => {
  const asked: string[][] = [];
  const open: (() => void)[] = [];
  const ask = gather(async (keys) => {
    asked.push([...keys]);
    await new Promise<void>((resolve) => open.push(resolve));
    return new Map(keys.filter((key) => key !== 'none').map((key) => [key, `${key}${asked.length}`]));
  });
  const first = [ask('a'), ask('b'), ask('a')];
  await Promise.resolve();
  await Promise.resolve();
  const second = [ask('a'), ask('none')];
  open[0]?.();
  expect(await Promise.all(first)).toEqual(['a1', 'b1', 'a1']);
  open[1]?.();
  expect(await Promise.all(second)).toEqual(['a2', undefined]);
  expect(asked).toEqual([
    ['a', 'b'],
    ['a', 'none'],
  ]);
});

test('a failure reaches all who asked, and nobody after them', async () => {
  let fails = true;
  const ask = gather(async (keys) => {
    if (fails) throw new Error('away');
    return new Map(keys.map((key) => [key, key]));
  });
  const asked = await Promise.allSettled([ask('a'), ask('b')]);
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  expect(await ask('a')).toBe('a');
});
