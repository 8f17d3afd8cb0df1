import { expect, test } from 'vitest';
import { requireTime } from './search.ts';

test.each(['2026-01-31T12:00:00Z', '2028-02-29T23:59:59.123456789+05:30', '0001-01-01T00:00:00z'])(
  '%s is a time',
  (text) => requireTime('from', text),
);

test.each([
  '2026-02-29T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '2026-04-31T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-01-01T25:00:00Z',
  '0000-01-01T00:00:00Z',
  '2026-01-01',
  '2026-01-01T00:00:00',
  'now',
  '',
])('%j is none', (text) => {
  expect(() => requireTime('from', text)).toThrow(expect.objectContaining({ code: 'invalid' }));
});
