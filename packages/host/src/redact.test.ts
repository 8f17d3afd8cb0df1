import { expect, test } from 'vitest';
import { redact } from './redact.ts';

test('secrets are hidden at any depth, by name', () => {
  const fields = {
    callId: 'a1',
    password: 'pw',
    user: { name: 'alice', digest: [{ ha1: 'f00' }] },
    headers: { Authorization: 'Digest x', 'proxy-authorization': 'Digest y', via: 'z' },
  };
  expect(redact(fields)).toEqual({
    callId: 'a1',
    password: '[redacted]',
    user: { name: 'alice', digest: [{ ha1: '[redacted]' }] },
    headers: { Authorization: '[redacted]', 'proxy-authorization': '[redacted]', via: 'z' },
  });
  expect(fields.password).toBe('pw');
});

test('what holds no secret is not copied', () => {
  const fields = { traceparent: '00-…', err: new Error('x'), list: [1, { a: 1 }], tokens: 5 };
  expect(redact(fields)).toBe(fields);
});

test('a ring does not hang the log', () => {
  const ring: Record<string, unknown> = { token: 't' };
  ring.self = ring;
  expect(redact(ring).token).toBe('[redacted]');
});
