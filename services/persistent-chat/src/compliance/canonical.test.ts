import { describe, expect, test } from 'vitest';
import { canonical } from './canonical.ts';

describe('canonical JSON', () => {
  test('is what RFC 8785 3.2.4 gives for its sample', () => {
    const sample = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`);
    expect(Buffer.from(canonical(sample)).toString('hex')).toBe(
      '7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333' +
        '332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75' +
        '303030665c6e4127425c225c5c5c5c5c222f227d',
    );
  });

  test('sorts names by UTF-16 code units (3.2.3)', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
    const sorted = Object.keys(
      JSON.parse(canonical(Object.fromEntries(names.map((name) => [`_${name}`, 0])))),
    );
    expect(sorted).toEqual(
      ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'].map((n) => `_${n}`),
    );
  });

  test('leaves out what is not set, and refuses what JSON cannot say', () => {
    expect(canonical({ b: undefined, a: -0, c: ['\ud800'] })).toBe('{"a":0,"c":["\\ud800"]}');
    expect(() => canonical({ a: JSON.parse('1e999') })).toThrow(TypeError);
    expect(() => canonical([undefined])).toThrow(TypeError);
  });
});
