import { describe, expect, test } from 'vitest';
import { NameAddr } from './name-addr.ts';

describe('NameAddr', () => {
  test.each<[text: string, name: string | undefined, uri: string, params: [string, string | undefined][]]>([
    ['sip:a@b', undefined, 'sip:a@b', []],
    [
      ' sip:a@b ; Tag = x ;lr',
      undefined,
      'sip:a@b',
      [
        ['tag', 'x'],
        ['lr', undefined],
      ],
    ],
    ['sip:a@b;x="<y>, z"', undefined, 'sip:a@b', [['x', '<y>, z']]],
    ['<sip:a@b;lr>', undefined, 'sip:a@b;lr', []],
    ['<sip:a@b?x=y> ; tag=1', undefined, 'sip:a@b?x=y', [['tag', '1']]],
    ['Alice B. <sip:a@b>', 'Alice B.', 'sip:a@b', []],
    ['J\xc3\xa4s\xc3\xb8n  D. <sip:a@b>', 'J\xc3\xa4s\xc3\xb8n  D.', 'sip:a@b', []],
    ['"" <sip:a@b>', '', 'sip:a@b', []],
    ['"A, <B> \\"C\\"\\\\" <sip:a@b>;tag=1', 'A, <B> "C"\\', 'sip:a@b', [['tag', '1']]],
    ['<sip:a@b>;+sip.instance="<urn:uuid:1>"', undefined, 'sip:a@b', [['+sip.instance', '<urn:uuid:1>']]],
    ['<tel:+1555>', undefined, 'tel:+1555', []],
  ])('reads %s', (text, name, uri, params) => {
    const address = NameAddr.parse(text);
    expect([address.displayName, address.uri, [...address.params]]).toEqual([name, uri, params]);
    expect(NameAddr.parse(address.toString())).toEqual(address);
  });

  test.each([
    '',
    'alice',
    '<>',
    '<alice>',
    '<sip:a@b',
    'sip:a@b>',
    '"A <sip:a@b>',
    '"A" sip:a@b',
    '"A" "B" <sip:a@b>',
    'A, B <sip:a@b>',
    '<sip:a@b> x',
    '<sip:a@b>;',
    '<sip:a@b>;=x',
    '<sip:a@b>;x=',
    '<sip:a@b>;x="',
    '<sip:a@b>;tag=1;tag=2',
    '<sip:a b@c>',
    '<<sip:a@b>>',
    'sip:a@b?x=y',
    'sip:a@b,sip:c@d',
    '*',
    '<sip:a@b>\u0000',
  ])('refuses %j', (text) => {
    expect(() => NameAddr.parse(text, 'from')).toThrow('400 Malformed from');
  });

  test('quotes stay around the values that had them', () => {
    const text = '<sip:a@b>;+sip.rendering="yes";methods="INVITE,BYE";q=0.5';
    expect(NameAddr.parse(text).toString()).toBe(text);
  });

  test('a new value is quoted when it needs to be', () => {
    const address = new NameAddr('sip:a@b', 'A "B"');
    address.params.set('+sip.instance', '<urn:uuid:1>').set('expires', '60').set('ob', undefined);
    expect(address.toString()).toBe('"A \\"B\\"" <sip:a@b>;+sip.instance="<urn:uuid:1>";expires=60;ob');
  });

  test("'*' stands in Contact only", () => {
    expect(NameAddr.parse('*', 'contact')).toMatchObject({ uri: '*', displayName: undefined });
    expect(NameAddr.parse('*;expires=0', 'contact').toString()).toBe('*;expires=0');
  });
});
