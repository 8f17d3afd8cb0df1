import { expect, test } from 'vitest';
import { gather } from './gather.ts';

const self = (key: string): string => key;

test('what is asked while an answer is awaited is asked at once, and anew', async () => {
  const asked: string[][] = [];
  const open: (() => void)[] = [];
  const ask = gather<string, string>(async (keys) => {
    asked.push([...keys]);
    const turn = asked.length;
    await new Promise<void>((resolve) => open.push(resolve));
    return (key) => `${key}${turn}`;
  }, self);
  const first = [ask('a'), ask('b'), ask('a')];
  await Promise.resolve();
  const second = [ask('a'), ask('c')];
  open[0]?.();
  expect(await Promise.all(first)).toEqual(['a1', 'b1', 'a1']);
  open[1]?.();
  expect(await Promise.all(second)).toEqual(['a2', 'c2']);
  expect(asked).toEqual([
    ['a', 'b'],
    ['a', 'c'],
  ]);
});

test('a failure reaches all who asked, and nobody after them', async () => {
  let fails = true;
  const ask = gather<string, string>(async () => {
    if (fails) throw new Error('away');
    return self;
  }, self);
  const asked = await Promise.allSettled([ask('a'), ask('b')]);
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  expect(await ask('a')).toBe('a');
});
