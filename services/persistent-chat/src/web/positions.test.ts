import { expect, test } from 'vitest';
import { readPositions, writePositions } from './positions.ts';

const one = '0197f1c2-0000-7000-8000-00000000000a';
const other = '0197f1c2-0000-7000-8000-00000000000b';

test('The id of a stream of one room is the room and the number', () => {
  expect(writePositions(one, new Map([[one, 17]]))).toBe(`${one}/17`);
});

test('What was written for several rooms is read for each', () => {
  const positions = new Map([
    [one, 17],
    [other, 4],
  ]);
  const text = writePositions(other, positions);
  expect(text).toBe(`${other}/4,00000000000a/17`);
  const known = readPositions(text);
  expect([known(one), known(other), known('0197f1c2-0000-7000-8000-00000000000c')]).toEqual([
    17,
    4,
    undefined,
  ]);
});

test.each(['', 'x', `${one}/`, `${one}/-1`, `${one}/1e3`, `/5`, `${one}/99999999999999999`, ',,,'])(
  '%j tells nothing',
  (text) => expect(readPositions(text)(one)).toBeUndefined(),
);
