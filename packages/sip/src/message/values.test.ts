import { describe, expect, test } from 'vitest';
import { parseAuthParams } from './auth-params.ts';
import { diagnostics } from './diagnostics.ts';
import { headerName } from './header-names.ts';
import { newBranch, newCallId, newTag } from './identifiers.ts';
import { fromWireText, quote, toWireText, unquote } from './quoting.ts';

describe('parseAuthParams', () => {
  test('reads quoted and plain values', () => {
    expect(parseAuthParams('Digest  Realm = "a \\"b\\", c" ,nonce="",qop=auth,algorithm=MD5')).toEqual({
      scheme: 'Digest',
      params: new Map([
        ['realm', 'a "b", c'],
        ['nonce', ''],
        ['qop', 'auth'],
        ['algorithm', 'MD5'],
      ]),
    });
    expect(parseAuthParams('Basic')).toEqual({ scheme: 'Basic', params: new Map() });
  });

  test.each([
    '',
    '=',
    'Digest,',
    'Digest a',
    'Digest a=',
    'Digest a="',
    'Digest a=1,',
    'Digest a=1 b=2',
    'Digest a=1,a=2',
    'Digest a=1,,b=2',
  ])('refuses %j', (value) => expect(() => parseAuthParams(value)).toThrow('400 Malformed credentials'));
});

test('diagnostics is written as [MS-OCER] has it', () => {
  expect(diagnostics(1003, 'User "bob" is not here\r\nX: y', 'frontend-0', 'a1')).toEqual([
    'ms-diagnostics',
    '1003;reason="User \\"bob\\" is not here X: y";source="frontend-0";id="a1"',
  ]);
});

test('header names are known by long and compact form in any letter case', () => {
  expect(['v', 'V', 'VIA', 'vIa', 'Via'].map(headerName)).toEqual(Array(5).fill('via'));
  expect(['i', 'X-Foo', 'k'].map(headerName)).toEqual(['call-id', 'x-foo', 'supported']);
});

test('identifiers are unlike each other', () => {
  expect(newBranch()).toMatch(/^z9hG4bK[0-9a-f]{24}$/);
  expect(new Set([newTag(), newTag(), newCallId(), newCallId()]).size).toBe(4);
});

test('quoting and wire text', () => {
  expect(quote('a"b\\c\0')).toBe('"a\\"b\\\\c\\\0"');
  expect(unquote(quote('a"b\\c\0'))).toBe('a"b\\c\0');
  expect(unquote('plain')).toBe('plain');
  expect(fromWireText(toWireText('Jäsøn 日本'))).toBe('Jäsøn 日本');
});
