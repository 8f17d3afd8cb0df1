import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SipUri } from '../message/uri.ts';
import { createRouteTokens } from './route-token.ts';

const key = randomBytes(32);
const tokens = createRouteTokens(key);

describe('RFC 5626 5.2: tokens in the route', () => {
  it.each(['edge-0/4f2c', '', 'flöw "1"; a=b'])('give the payload %j back', (payload) => {
    expect(tokens.check(tokens.make(payload))).toBe(payload);
  });

  it('are the same in every process that has the key', () => {
    expect(createRouteTokens(Buffer.from(key)).make('edge-0/1')).toBe(tokens.make('edge-0/1'));
  });

  it('stand in the user part of a URI as they are', () => {
    const token = tokens.make('edge-0/1?&;@ü');
    expect(SipUri.parse(`sip:${token}@proxy.example.com;lr`).user).toBe(token);
  });

  it('add 22 characters and a third to a payload', () => {
    expect(tokens.make('x'.repeat(30))).toHaveLength(40 + 1 + 16);
  });

  it('are refused when any character of them is changed', () => {
    const token = tokens.make('edge-0/1');
    for (let i = 0; i < token.length; i++) {
      const other = token[i] === 'A' ? 'B' : 'A';
      expect(tokens.check(token.slice(0, i) + other + token.slice(i + 1))).toBeUndefined();
    }
  });

  it('are refused when made with another key', () => {
    expect(tokens.check(createRouteTokens(randomBytes(32)).make('edge-0/1'))).toBeUndefined();
  });

  it.each(['', '.', 'a', 'a.b', 'a.b.c', 'bob'])('are refused when malformed: %j', (token) => {
    expect(tokens.check(token)).toBeUndefined();
  });

  it('are refused with anything after them', () => {
    expect(tokens.check(`${tokens.make('a')}.x`)).toBeUndefined();
    expect(tokens.check(`${tokens.make('a')}A`)).toBeUndefined();
    expect(tokens.check(`${tokens.make('a')}=`)).toBeUndefined();
  });
});
