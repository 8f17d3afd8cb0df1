import { expect, test } from 'vitest';
import { namesIn } from './mentions.ts';

test.each([
  ['hello @alice, and @Bob!', ['alice@contoso.lab', 'bob@contoso.lab']],
  ['@alice@fabrikam.lab.', ['alice@fabrikam.lab']],
  ['(@alice) @alice @alice-', ['alice@contoso.lab']],
  ['mail alice@contoso.lab', []],
  ['no @ one', []],
  ['@@alice', []],
  ['@jürgen.müller', ['jürgen.müller@contoso.lab']],
])('%j names %j', (text, names) => expect(namesIn(text, 'contoso.lab')).toEqual(names));

test('a post that names everybody names twenty', () => {
  const text = Array.from({ length: 50 }, (_, n) => `@user${n}`).join(' ');
  expect(namesIn(text, 'contoso.lab')).toHaveLength(20);
});
