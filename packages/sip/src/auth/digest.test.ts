import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  answerChallenge,
  type DigestAlgorithm,
  digestAlgorithms,
  digestChallenges,
  digestHa1,
  digestResponse,
  parseDigest,
  verifyDigest,
} from './index.ts';

function read(value: string) {
  return parseDigest(value) ?? expect.fail('not taken');
}

// RFC 7616 3.9.1, which RFC 8760 2.7 brings to SIP.
const mufasa = (algorithm: string, response: string) =>
  `Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=${algorithm}, ` +
  'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ' +
  'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, ' +
  `response="${response}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;
const responses: [DigestAlgorithm, string][] = [
  ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
  ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
];

describe('vectors', () => {
  test.each(responses)('RFC 7616 3.9.1 with %s', (algorithm, response) => {
    const credentials = read(mufasa(algorithm, response));
    const ha1 = digestHa1(algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life');
    expect(verifyDigest(credentials, { method: 'GET', ha1 })).toBe(true);
    expect(verifyDigest(credentials, { method: 'POST', ha1 })).toBe(false);
    expect(verifyDigest({ ...credentials, uri: '/dir/' }, { method: 'GET', ha1 })).toBe(false);
    const other = digestHa1(algorithm, 'Mufasa', 'http-auth@example.org', 'circle of life');
    expect(verifyDigest(credentials, { method: 'GET', ha1: other })).toBe(false);
  });

  // The response printed in RFC 7616 3.9.2 is of SHA-512 cut short, as its user hash shows; errata 4897 has this one.
  test('RFC 7616 3.9.2 with SHA-512-256', () => {
    const user = 'Jäsøn Doe';
    const printed = createHash('sha512').update(`${user}:api@example.org`).digest('hex').slice(0, 64);
    expect(printed).toBe('488869477bf257147b804c45308cd62ac4e25eb717b12b298c79e62dcea254ec');
    const credentials = read(
      `Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm="api@example.org", uri="/doe.json", algorithm=SHA-512-256, ` +
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", nc=00000001, ' +
        'cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", qop=auth, ' +
        'response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5", userhash=false',
    );
    expect(credentials.username).toBe(user);
    const ha1 = digestHa1('SHA-512-256', user, 'api@example.org', 'Secret, or not?');
    expect(verifyDigest(credentials, { method: 'GET', ha1 })).toBe(true);
  });

  test('RFC 2617 3.5, and the same without qop', () => {
    const value =
      'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html"';
    const ha1 = digestHa1('MD5', 'Mufasa', 'testrealm@host.com', 'Circle Of Life');
    const withQop = read(
      `${value}, qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1"`,
    );
    expect(verifyDigest(withQop, { method: 'GET', ha1 })).toBe(true);
    const without = read(`${value}, response="670fd8c2df070c60b045671b8b24ff02"`);
    expect([without.algorithm, without.qop, without.ncCount]).toEqual(['MD5', undefined, 0]);
    expect(verifyDigest(without, { method: 'GET', ha1 })).toBe(true);
  });
});

describe('parseDigest', () => {
  const value = mufasa('SHA-256', responses[1]?.[1] ?? '');

  test('reads every field as it was sent', () => {
    expect(read(value)).toMatchObject({
      username: 'Mufasa',
      nc: '00000001',
      ncCount: 1,
      qop: 'auth',
      userhash: false,
    });
    expect(read(value.replace('Mufasa', 'J\xc3\xa4s\xc3\xb8n')).username).toBe('Jäsøn');
    expect(read(value.replace('SHA-256', '"sha-256"')).algorithm).toBe('SHA-256');
    expect(read(value.replace('nc=00000001', 'nc=0000000a')).ncCount).toBe(10);
  });

  test.each([
    ['another scheme', 'Basic QWxhZGRpbg=='],
    ['a longer scheme', value.replace('Digest', 'Digestive')],
    ['a session algorithm', value.replace('SHA-256', 'SHA-256-sess')],
    ['a user without a response', 'Digest username="a", realm="b", nonce="", uri="sip:b", response=""'],
    ['an unknown algorithm', value.replace('SHA-256', 'SHA3')],
  ])('%s is as if there were none', (_, credentials) => {
    expect(parseDigest(credentials)).toBeUndefined();
  });

  test.each([
    ['no username', value.replace('username', 'x')],
    ['no realm', value.replace('realm', 'x')],
    ['no nonce', value.replace(' nonce', ' x')],
    ['no uri', value.replace('uri', 'x')],
    ['no response', value.replace('response', 'x')],
    ['no nc', value.replace('nc=', 'x=')],
    ['no cnonce', value.replace('cnonce', 'x')],
    ['short response', value.replace(/response="./, 'response="')],
    ['response not hexadecimal', value.replace(/response="./, 'response="x')],
    ['nc zero', value.replace('00000001', '00000000')],
    ['nc too long', value.replace('00000001', '000000001')],
    ['nc not hexadecimal', value.replace('00000001', '0000000x')],
    ['another qop', value.replace('qop=auth', 'qop=conf')],
    ['username*', value.replace('username="Mufasa"', "username*=UTF-8''%FF")],
    ['twice the same', `${value}, nc=00000002`],
    ['an open quote', value.slice(0, -1)],
  ])('400 for %s', (_, credentials) => {
    expect(() => parseDigest(credentials)).toThrow('400 Malformed credentials');
  });
});

describe('challenge and answer', () => {
  test('one line each, in the order that the server prefers', () => {
    const challenge = {
      realm: 'contoso "lab"',
      nonce: 'n',
      algorithms: ['MD5', 'SHA-512-256', 'SHA-256'] as const,
    };
    const opening = 'Digest realm="contoso \\"lab\\"", nonce="n", qop="auth", algorithm=';
    expect(digestChallenges(challenge)).toEqual([
      `${opening}MD5`,
      `${opening}SHA-512-256`,
      `${opening}SHA-256`,
    ]);
    expect(digestChallenges({ ...challenge, algorithms: ['MD5'], stale: true })).toEqual([
      `${opening}MD5, stale=true`,
    ]);
  });

  test.each(digestAlgorithms)('the answer with %s is right', (algorithm) => {
    const [challenge = ''] = digestChallenges({ realm: 'ländle', nonce: 'n', algorithms: [algorithm] });
    const asked = {
      username: 'jäsøn"',
      password: 'pässword',
      method: 'REGISTER',
      uri: 'sip:contoso.lab',
      ncCount: 17,
    };
    const credentials = read(answerChallenge(challenge, asked));
    expect(credentials).toMatchObject({
      username: 'jäsøn"',
      realm: 'ländle',
      ncCount: 17,
      uri: 'sip:contoso.lab',
    });
    const ha1 = digestHa1(algorithm, 'jäsøn"', 'ländle', 'pässword');
    expect(verifyDigest(credentials, { method: 'REGISTER', ha1 })).toBe(true);
  });

  test('a challenge without qop is answered without', () => {
    const asked = { username: 'a', password: 'b', method: 'REGISTER', uri: 'sip:c' };
    const credentials = read(answerChallenge('Digest realm="r", nonce="n", opaque="o"', asked));
    expect([credentials.qop, credentials.opaque]).toEqual([undefined, 'o']);
    expect(verifyDigest(credentials, { method: 'REGISTER', ha1: digestHa1('MD5', 'a', 'r', 'b') })).toBe(
      true,
    );
    expect(() => answerChallenge('Digest realm="r", nonce="n", algorithm=X', asked)).toThrow(
      '400 Malformed challenge',
    );
  });

  test('auth-int covers the body', () => {
    const credentials = { ...read(mufasa('MD5', responses[0]?.[1] ?? '')), qop: 'auth-int' as const };
    const subject = { method: 'MESSAGE', ha1: '0'.repeat(32), body: Buffer.from('hello \xff', 'latin1') };
    const signed = { ...credentials, response: digestResponse(credentials, subject) };
    expect(verifyDigest(signed, subject)).toBe(true);
    expect(verifyDigest(signed, { ...subject, body: Buffer.from('hello') })).toBe(false);
  });
});
