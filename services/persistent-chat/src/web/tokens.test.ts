import { expect, test } from 'vitest';
import { createTokens } from './tokens.ts';

const key = Buffer.alloc(32, 1);
let time = 1_000_000;
const tokens = createTokens({ key, seconds: 60, tied: (user) => `hash of ${user}`, now: () => time });

test('A token names its user until its time is over', () => {
  time = 1_000_000;
  const token = tokens.issue('alice@contoso.lab');
  expect(tokens.verify(token)).toEqual({ user: 'alice@contoso.lab', expiresAt: 1_060_000 });
  time = 1_060_000;
  expect(tokens.verify(token)).toBeUndefined();
});

test('What was changed anywhere is not ours', () => {
  time = 1_000_000;
  const token = tokens.issue('alice@contoso.lab');
  for (let i = 0; i < token.length - 1; i++) {
    const other = token[i] === 'A' ? 'B' : 'A';
    expect(tokens.verify(token.slice(0, i) + other + token.slice(i + 1))).toBeUndefined();
  }
  const [version, , signature] = token.split('.');
  const claims = Buffer.from('{"user":"bob@contoso.lab","exp":9999999999}').toString('base64url');
  for (const bad of [
    `${version}.${claims}.${signature}`,
    `${token}.x`,
    '',
    '..',
    `${version}..`,
    'x'.repeat(5000),
  ])
    expect(tokens.verify(bad)).toBeUndefined();
});

test('Nobody has a token whose password is not known', () => {
  const without = createTokens({ key, seconds: 60, tied: () => undefined, now: () => time });
  expect(without.verify(without.issue('alice@contoso.lab'))).toBeUndefined();
});
