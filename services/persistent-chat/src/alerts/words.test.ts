import { describe, expect, test } from 'vitest';
import { eachPiece, fold, keyOf } from './words.ts';

const piecesOf = (text: string): Set<number> => {
  const keys = new Set<number>();
  eachPiece(text, fold(text), (key) => keys.add(key));
  return keys;
};

const lengthsOf = (text: string): number[] => {
  const lengths: number[] = [];
  eachPiece(text, fold(text), (_, units) => lengths.push(units));
  return lengths;
};

describe('Every piece of a word is one of each text that holds it', () => {
  // What parsers of different locales make one word of, and a text that has it.
  test.each([
    ['gold', 'GOLD is up'],
    ['gold', '<b>gold</b>'],
    ['gold-plated', 'a gold-plated spoon'],
    ['contoso.lab', 'see https://Contoso.lab/gold?x=1'],
    ['contoso.lab/gold?x=1', 'see https://Contoso.lab/gold?x=1'],
    ['abc', '1e5abc'],
    ['12', 'x12'],
    ['gold', 'foo—gold—bar'],
    ['—gold—', 'foo—gold—bar'],
    ['“gold”', 'they call it “Gold”'],
    ['x.org', 'x.orgß'],
    ['x.org', 'X.orgı'],
    ['ıste', 'X.orgıste'],
    ['kelvin', '5 \u212aELVIN'],
    ['m', '5 m²'],
    ['nai\u0308ve', 'how nai\u0308ve'],
    ['nai', 'nai\u0308ve'],
    ['日本語', '日本語です'.replace('です', '。')],
    ['😀', 'well 😀😀'],
  ])('%j in %j', (word, text) => {
    const pieces = piecesOf(text);
    const own = piecesOf(fold(word));
    expect(own.size).toBeGreaterThan(0);
    for (const piece of own) expect(pieces).toContain(piece);
  });
});

test('Words that differ in case are the same, in whichever locale it was lowered', () => {
  for (const forms of [
    ['Gold', 'GOLD', 'gold'],
    ['ΟΔΟΣ', 'οδος', 'οδοσ'],
    ['İstanbul', 'istanbul', 'i\u0307stanbul', 'ISTANBUL', 'ıstanbul'],
    ['ÄRGER', 'ärger'],
  ])
    expect(new Set(forms.map(fold)).size, forms.join()).toBe(1);
});

test('Letters and digits are parted, punctuation is none', () => {
  expect(lengthsOf('q3-figures, 12.5')).toEqual([1, 1, 7, 2, 1]);
  expect(lengthsOf(' ,.-_/ ')).toEqual([]);
  expect(lengthsOf('a—b')).toEqual([1, 1, 1]);
});

test('Words are looked up by the piece that costs least', () => {
  const [silver] = piecesOf('silver');
  const [gold] = piecesOf('gold');
  const shorter = (_: number, units: number): number => units;
  const longer = (_: number, units: number): number => -units;
  expect(keyOf(['silver/9', 'gold'], longer)).toBe(silver);
  expect(keyOf(['silver', 'gold'], shorter)).toBe(gold);
  expect(keyOf([], longer)).toBeUndefined();
});
