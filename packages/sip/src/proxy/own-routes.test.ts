import { describe, expect, it } from 'vitest';
import type { SipUri } from '../message/uri.ts';
import { requestOf, routeOf } from './fakes.ts';
import { takeOwnRoutes } from './own-routes.ts';

const routeHere = (uri: SipUri) => (uri.host === 'proxy.example.com' ? (uri.user ?? '') : undefined);
const take = (uri: string, ...routes: string[]) => {
  const request = requestOf(
    'BYE',
    routes.map((route) => ['route', route]),
  );
  request.uri = uri;
  const prepared = takeOwnRoutes(request, routeHere);
  return {
    ...routeOf(prepared.request),
    tokens: prepared.tokens,
    received: request,
    request: prepared.request,
  };
};

describe('RFC 3261 16.4: our own Route values', () => {
  it('takes off the topmost and gives its token', () => {
    expect(
      take('sip:bob@192.0.2.4', '<sip:t1@proxy.example.com;lr>', '<sip:p2.example.com;lr>'),
    ).toMatchObject({
      uri: 'sip:bob@192.0.2.4',
      route: ['sip:p2.example.com;lr'],
      tokens: ['t1'],
    });
  });

  it('takes off a preloaded Route without a token', () => {
    expect(take('sip:example.com', '<sip:proxy.example.com;lr>')).toMatchObject({ route: [], tokens: [''] });
  });

  it('takes off two in a row, on one line or on two (RFC 5658 5)', () => {
    const [one, two] = [
      '<sip:t1@proxy.example.com;lr>',
      '<sip:t2@proxy.example.com;transport=tcp;lr>',
    ] as const;
    const expected = { route: ['sip:p2.example.com;lr'], tokens: ['t1', 't2'] };
    expect(take('sip:bob@192.0.2.4', one, two, '<sip:p2.example.com;lr>')).toMatchObject(expected);
    expect(take('sip:bob@192.0.2.4', `${one}, ${two}`, '<sip:p2.example.com;lr>')).toMatchObject(expected);
  });

  it('leaves a third for the next pass of a spiral', () => {
    const own = (token: string) => `<sip:${token}@proxy.example.com;lr>`;
    expect(take('sip:bob@192.0.2.4', own('t1'), own('t2'), own('t3'))).toMatchObject({
      route: ['sip:t3@proxy.example.com;lr'],
      tokens: ['t1', 't2'],
    });
  });

  it('leaves those of others, also when one of ours is behind them', () => {
    const others = ['<sip:p2.example.com;lr>', '<sip:t1@proxy.example.com;lr>'];
    expect(take('sip:bob@192.0.2.4', ...others)).toMatchObject({
      route: ['sip:p2.example.com;lr', 'sip:t1@proxy.example.com;lr'],
      tokens: [],
    });
  });

  it('hands back the very request when it has no Route', () => {
    const { received, request } = take('sip:bob@192.0.2.4');
    expect(request).toBe(received);
  });

  it('does not alter what was received', () => {
    const { received } = take(
      'sip:t0@proxy.example.com;lr',
      '<sip:t1@proxy.example.com;lr>',
      '<sip:bob@192.0.2.4>',
    );
    expect(received.uri).toBe('sip:t0@proxy.example.com;lr');
    expect(received.values('route')).toHaveLength(2);
  });

  it('refuses a Route that cannot be read', () => {
    expect(() => take('sip:bob@192.0.2.4', '<sip:broken')).toThrow(expect.objectContaining({ status: 400 }));
    expect(() => take('sip:bob@192.0.2.4', '<sip:>')).toThrow(expect.objectContaining({ status: 400 }));
  });
});

describe('RFC 3261 16.4: requests from a strict router', () => {
  it('puts the last Route back into the Request-URI', () => {
    expect(
      take('sip:t1@proxy.example.com;lr', '<sip:p2.example.com;lr>, <sip:bob@192.0.2.4;transport=tcp>'),
    ).toMatchObject({
      uri: 'sip:bob@192.0.2.4;transport=tcp',
      route: ['sip:p2.example.com;lr'],
      tokens: ['t1'],
    });
  });

  it('takes off our second value as well', () => {
    expect(
      take('sip:t1@proxy.example.com;lr', '<sip:t2@proxy.example.com;lr>', '<sip:bob@192.0.2.4>'),
    ).toMatchObject({ uri: 'sip:bob@192.0.2.4', route: [], tokens: ['t1', 't2'] });
  });

  it('leaves the Route header out when nothing is left in it', () => {
    const { request } = take('sip:t1@proxy.example.com;lr', '<sip:bob@192.0.2.4>');
    expect(request.has('route')).toBe(false);
  });

  it('leaves a Request-URI alone that is our address but no Record-Route value of ours', () => {
    expect(take('sip:proxy.example.com', '<sip:proxy.example.com;lr>')).toMatchObject({
      uri: 'sip:proxy.example.com',
      tokens: [''],
    });
  });

  it('leaves a Request-URI of ours alone when there is no Route', () => {
    expect(take('sip:t1@proxy.example.com;lr')).toMatchObject({
      uri: 'sip:t1@proxy.example.com;lr',
      tokens: [],
    });
  });

  it('does not mind a Request-URI of another scheme', () => {
    expect(take('tel:+15551234;lr', '<sip:proxy.example.com;lr>')).toMatchObject({
      uri: 'tel:+15551234;lr',
      tokens: [''],
    });
  });
});

describe('RFC 3261 16.4: maddr', () => {
  it('is taken off with port and transport when it is ours', () => {
    expect(take('sip:bob@example.com:5070;maddr=proxy.example.com;transport=tcp;x=1').uri).toBe(
      'sip:bob@example.com;x=1',
    );
  });

  it("stays when it is another's", () => {
    const uri = 'sip:bob@example.com;maddr=192.0.2.200';
    expect(take(uri).uri).toBe(uri);
  });

  it('stays when it has no value', () => {
    expect(take('sip:bob@example.com;maddr').uri).toBe('sip:bob@example.com;maddr');
  });
});
