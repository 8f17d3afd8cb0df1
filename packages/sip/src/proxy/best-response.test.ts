import { describe, expect, it } from 'vitest';
import { SipResponse } from '../message/response.ts';
import { aggregateChallenges, bestResponse } from './best-response.ts';
import { requestOf } from './fakes.ts';

const request = requestOf('INVITE');
const answer = (status: number, headers: [string, string][] = []) =>
  SipResponse.to(request, status, undefined, { headers });
const best = (...statuses: number[]) => bestResponse(statuses.map((status) => answer(status)))?.status;

describe('RFC 3261 16.7 step 6: the best response', () => {
  it('is a 6xx if there is any', () => {
    expect(best(302, 404, 603, 500)).toBe(603);
  });

  it('is of the lowest class else', () => {
    expect(best(500, 486, 302)).toBe(302);
    expect(best(500, 486, 503)).toBe(486);
  });

  it.each([401, 407, 415, 420, 484])('is rather %i than another 4xx', (status) => {
    expect(best(404, status, 486)).toBe(status);
  });

  it('is what the RFC has as its example', () => {
    expect(best(503, 407, 501, 404)).toBe(407);
  });

  it('is rather the word of a user than of a way that failed', () => {
    expect(best(408, 430, 487, 486)).toBe(486);
  });

  it('is rather any other 5xx than 503', () => {
    expect(best(503, 501)).toBe(501);
    expect(best(503)).toBe(503);
  });

  it('is the first of those that are equally good', () => {
    expect(best(486, 404)).toBe(486);
  });

  it('is not there without answers', () => {
    expect(best()).toBeUndefined();
  });
});

describe('RFC 3261 16.7 step 7: challenges', () => {
  const proxy = answer(407, [['proxy-authenticate', 'Digest realm="p", nonce="1"']]);
  const user = answer(401, [
    ['www-authenticate', 'Digest realm="u", nonce="2"'],
    ['www-authenticate', 'Digest realm="u", nonce="3", algorithm=SHA-256'],
  ]);

  it('of all 401 and 407 go into the chosen one, unchanged', () => {
    const chosen = proxy.clone();
    aggregateChallenges(chosen, [chosen, answer(404), user]);
    expect(chosen.getAll('proxy-authenticate')).toEqual(['Digest realm="p", nonce="1"']);
    expect(chosen.getAll('www-authenticate')).toEqual(user.getAll('www-authenticate'));
  });

  it('of the same kind stay one after the other', () => {
    const chosen = proxy.clone();
    const other = answer(407, [['proxy-authenticate', 'Digest realm="q", nonce="4"']]);
    aggregateChallenges(chosen, [other, chosen]);
    expect(chosen.getAll('proxy-authenticate')).toEqual([
      'Digest realm="p", nonce="1"',
      'Digest realm="q", nonce="4"',
    ]);
  });

  it('do not go into any other response', () => {
    const chosen = answer(603);
    aggregateChallenges(chosen, [chosen, user]);
    expect(chosen.has('www-authenticate')).toBe(false);
  });
});
