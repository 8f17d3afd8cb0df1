import { describe, expect, test } from 'vitest';
import { assign } from './assignments.ts';

describe('setting=value', () => {
  test('is read as JSON where it is JSON', () => {
    expect(assign({ a: 1 }, ['b=true', 'c=7', 'd=text', 'e=["x"]', 'f="7"'])).toEqual({
      a: 1,
      b: true,
      c: 7,
      d: 'text',
      e: ['x'],
      f: '7',
    });
  });

  test('reaches into sets of settings, and makes them', () => {
    expect(assign({ policies: { presence: 'A' } }, ['policies.externalAccess=B', 'x.y=1'])).toEqual({
      policies: { presence: 'A', externalAccess: 'B' },
      x: { y: 1 },
    });
  });

  test('null takes a setting away; the original stays', () => {
    const before = { policies: { presence: 'A' } };
    expect(assign(before, ['policies.presence=null'])).toEqual({ policies: {} });
    expect(before).toEqual({ policies: { presence: 'A' } });
  });

  test('the value may hold anything', () => {
    expect(assign({}, ['displayName=Bob = "the\nbuilder"'])).toEqual({ displayName: 'Bob = "the\nbuilder"' });
  });

  test.each(['nothing', '=x', 'a b=c'])('%s is refused', (word) => {
    expect(() => assign({}, [word])).toThrow(`"${word}" is not of the form setting=value`);
  });

  test('no setting changes what all objects have in common', () => {
    const spec = assign({}, ['__proto__.polluted=true', 'constructor.prototype.polluted=true']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.keys(spec)).toEqual(['__proto__', 'constructor']);
  });
});
