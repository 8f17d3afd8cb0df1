import { expect, test } from 'vitest';
import { addInField, booleanField, descriptionField, nameField, wholeField, wordField } from './fields.ts';

test('names are written one way', () => {
  expect(nameField('name', '  Cafe\u0301   Talk ')).toBe('Caf\u00e9 Talk');
  expect(nameField('name', 'x'.repeat(256))).toHaveLength(256);
  expect([...nameField('name', '😀'.repeat(256))]).toHaveLength(256);
});

test.each([
  ['', '1 to 256'],
  ['   ', '1 to 256'],
  ['x'.repeat(257), '1 to 256'],
  ['a\u0000b', 'control characters'],
  ['a\nb', 'control characters'],
  ['abc\u202egnp.exe', 'control characters'],
  ['\ud800', 'control characters'],
  ['5c4ad46b-5b1c-4b8b-8f56-6a42ac1cba4f', 'look like an id'],
  [7, 'a text'],
])('%j is no name', (value, why) => {
  expect(() => nameField('name', value)).toThrow(why);
  expect(() => nameField('name', value)).toThrow(/^name: /);
});

test('descriptions may have lines', () => {
  expect(descriptionField('description', ' a\nb\tc ')).toBe('a\nb\tc');
  expect(() => descriptionField('description', 'a\u0007')).toThrow('control characters');
  expect(() => descriptionField('description', 'x'.repeat(1025))).toThrow('1024');
});

test('an add-in is an https address, or none', () => {
  expect(addInField('addIn', 'https://apps.contoso.lab/board')).toBe('https://apps.contoso.lab/board');
  expect(addInField('addIn', '')).toBeUndefined();
  for (const bad of [
    'http://a.lab',
    'javascript:alert(1)',
    'https://u:p@a.lab',
    'x',
    `https://a/${'x'.repeat(2048)}`,
  ])
    expect(() => addInField('addIn', bad)).toThrow('https URL');
});

test('other fields say what they take', () => {
  expect(() => booleanField('invitations', 'yes')).toThrow('invitations: must be true or false');
  expect(() => wordField('kind', 'forum', ['normal', 'auditorium'])).toThrow(
    'kind: must be "normal" or "auditorium"',
  );
  expect(() => wholeField('retentionDays', 0, 1, 10)).toThrow(
    'retentionDays: must be a whole number from 1 to 10',
  );
});
