import { describe, expect, test } from 'vitest';
import { SipError } from './error.ts';
import { defaultLimits } from './limits.ts';
import { parseMessage } from './parse.ts';
import { SipRequest } from './request.ts';

const start = 'OPTIONS sip:a@b SIP/2.0\r\n';
const headers = 'Via: SIP/2.0/UDP x;branch=z9hG4bK1\r\nCall-ID: abc\r\n';
const parse = (text: string, limits = {}) =>
  parseMessage(Buffer.from(text, 'latin1'), { ...defaultLimits, ...limits });

function errorOf(text: string, limits = {}): SipError {
  try {
    parse(text, limits);
  } catch (error) {
    if (error instanceof SipError) return error;
  }
  return expect.fail('nothing was thrown');
}

describe('parseMessage', () => {
  test('empty lines before the start line are skipped', () => {
    expect(parse(`\r\n\r\n${start}${headers}\r\n`).get('call-id')).toBe('abc');
  });

  test('without Content-Length the body is the rest; with it, the rest is dropped', () => {
    expect(parse(`${start}${headers}\r\nbody`).body).toEqual(Buffer.from('body'));
    expect(parse(`${start}${headers}l: 2\r\n\r\nbody`).body).toEqual(Buffer.from('bo'));
  });

  test('takes a plain Uint8Array and does not copy its body', () => {
    const bytes = new Uint8Array(Buffer.from(`xx${start}${headers}\r\nbody`));
    const message = parseMessage(bytes.subarray(2));
    expect([message.body.buffer, Buffer.from(message.body).toString()]).toEqual([bytes.buffer, 'body']);
  });

  test('lower-case version and unknown methods are fine', () => {
    const message = parse(`Foo sip:a@b sip/2.0\r\n${headers}\r\n`) as SipRequest;
    expect(message.toBuffer().toString()).toMatch(/^Foo sip:a@b SIP\/2.0\r\n/);
  });

  test.each([
    ['', 400],
    ['\r\n\r\n', 400],
    ['garbage\r\n\r\n', 400],
    ['OPTIONS sip:a@b\r\n\r\n', 400],
    ['OPTIONS  SIP/2.0\r\n\r\n', 400],
    ['OPTIONS sip:a@b HTTP/1.1\r\n\r\n', 400],
    ['OP(IONS sip:a@b SIP/2.0\r\n\r\n', 400],
    ['OPTIONS sip:ä@b SIP/2.0\r\n\r\n', 400],
    ['OPTIONS sip:a@b SIP/3.0\r\n\r\n', 505],
    ['SIP/3.0 200 OK\r\n\r\n', 505],
    ['SIP/2.0 99 X\r\n\r\n', 400],
    ['SIP/2.0 700 X\r\n\r\n', 400],
    ['SIP/2.0 2000 X\r\n\r\n', 400],
    ['SIP/2.0 200OK\r\n\r\n', 400],
    ['SIP/2.0 \r\n\r\n', 400],
    [`${start} folded: start\r\n\r\n`, 400],
    [`${start}Via\xa0: x\r\n\r\n`, 400],
    [`${start}Via\r\n : x\r\n\r\n`, 400],
    [`${start}no colon\r\n\r\n`, 400],
    [`${start}: no name\r\n\r\n`, 400],
    [`${start}bad name: x\r\n\r\n`, 400],
    [`${start}X: a\nVia: b\r\n\r\n`, 400],
    [`${start}X: a\rb\r\n\r\n`, 400],
    [`${start}X: a\r\r\n\r\n`, 400],
    [`${start.replace('\r', '')}${headers}\r\n`, 400],
    [`${start}Content-Length: five\r\n\r\n`, 400],
    [`${start}Content-Length: 0x1\r\n\r\n\n`, 400],
    [`${start}Content-Length: 1, 1\r\n\r\n\n`, 400],
    [`${start}Content-Length: 99999999999\r\n\r\n`, 400],
    [`${start}Content-Length:\r\n\r\n`, 400],
    [`${start}Content-Length: 1\r\n\r\n`, 400],
    [`${start}Content-Length: 1\r\nl: 2\r\n\r\nabc`, 400],
  ])('refuses %j with %d', (text, status) => {
    expect(errorOf(text).status).toBe(status);
  });

  test('the same Content-Length twice is one', () => {
    expect(parse(`${start}Content-Length: 1\r\nl: 01\r\n\r\nabc`).body).toHaveLength(1);
  });

  test.each([
    ['line', `${start}${headers}Subject: ${'x'.repeat(60)}\r\n\r\n`, { line: 60 }, 400],
    ['folded line', `${start}${headers}Subject: ${'x\r\n '.repeat(30)}\r\n\r\n`, { line: 60 }, 400],
    ['start line', `OPTIONS sip:${'a'.repeat(60)} SIP/2.0\r\n${headers}\r\n`, { line: 60 }, 400],
    ['lines', `${start}${'X: y\r\n'.repeat(5)}\r\n`, { lines: 4 }, 400],
    ['headers', `${start}${headers}${'X: y\r\n'.repeat(20)}\r\n`, { headers: 100 }, 513],
    ['headers without end', `${start}${headers}${'X: y\r\n'.repeat(20)}`, { headers: 100 }, 513],
    ['body', `${start}${headers}\r\n${'x'.repeat(11)}`, { body: 10 }, 413],
    ['announced body', `${start}${headers}l: 11\r\n\r\n`, { body: 10 }, 413],
    ['URI', `OPTIONS sip:${'a'.repeat(17)} SIP/2.0\r\n${headers}\r\n`, { uri: 20 }, 414],
  ])('limit of %s', (_, text, limits, status) => {
    expect(errorOf(text, limits).status).toBe(status);
  });

  // Were any of it quadratic, this would take hours.
  test('white space costs no more than other bytes', () => {
    const limits = { line: 8e6, headers: 8e6 };
    const long = ' '.repeat(1e6);
    const message = parse(
      `${start}X${long}:${long}\r\n${long}a${long}b${long}\r\n ,${long}<\r\n\r\n`,
      limits,
    );
    expect(message.values('x')).toHaveLength(2);
    expect(errorOf(`${start}X${long}y:\r\n\r\n`, limits).status).toBe(400);
  });

  test('what is at its limit is taken', () => {
    const text = `OPTIONS sip:a@b SIP/2.0\r\n${headers}Subject: ${'x'.repeat(51)}\r\n\r\n1234567890`;
    const limits = { line: 60, lines: 3, headers: text.indexOf('\r\n\r\n'), body: 10, uri: 7 };
    expect(parse(text, limits).body).toHaveLength(10);
  });
});

describe('a request that cannot be served', () => {
  test.each([
    `${start}${headers}bad line\r\nFrom: <sip:a@b>\r\n\r\n`,
    `OPTIONS sip:a@b SIP/4.0\r\n${headers}From: <sip:a@b>\r\n\r\n`,
    `OPTIONS sip: a SIP/2.0\r\n${headers}From: <sip:a@b>\r\n\r\n`,
    `${start}${headers}From: <sip:a@b>\r\nl: 9\r\n\r\n`,
    `${start}${headers}From: <sip:a@b>\r\n`,
  ])('can be answered: %j', (text) => {
    const { request } = errorOf(text);
    expect(request).toBeInstanceOf(SipRequest);
    expect([request?.via.branch, request?.callId, request?.from.uri]).toEqual(['z9hG4bK1', 'abc', 'sip:a@b']);
  });

  test.each([
    `ACK sip:a@b SIP/4.0\r\n${headers}\r\n`,
    `${start}Call-ID: abc\r\nl: 9\r\n\r\n`,
    `${start}${headers}From: <sip:a`,
    `SIP/2.0 200 OK\r\n${headers}l: 9\r\n\r\n`,
  ])('cannot be answered: %j', (text) => {
    expect(errorOf(text).request).toBeUndefined();
  });
});
