import { expect, test } from 'vitest';
import { checkedName } from './names.ts';

const blocked = ['exe', 'js', 'com'];

test.each([
  'report.pdf',
  'Bericht über Müll.docx',
  '会議.pptx',
  'نامه‌ها.txt',
  '👩‍👩‍👧.png',
  '.profile',
  'no extension',
  'console.txt',
  'a b (1) [final] {v2} #3 & 4 = 5;6,7!.txt',
])('%s is a name', (name) => expect(checkedName(name, blocked)).toBe(name));

test('Names are kept in one form, however their letters were put together', () => {
  expect(checkedName('u\u0308ber.txt', blocked)).toBe('über.txt');
});

test.each([
  ['', 'is empty'],
  ['   ', 'is empty'],
  ['../../etc/passwd', 'may not be a path'],
  ['..\\..\\windows\\win.ini', 'may not be a path'],
  ['/etc/passwd', 'may not be a path'],
  ['C:\\boot.ini', 'may not be a path'],
  ['.', 'end with'],
  ['..', 'end with'],
  ['a.txt:evil', '< > : "'],
  ['a\0.txt', 'cannot be seen'],
  ['a\r\nSet-Cookie: x', 'cannot be seen'],
  ['gpj.\u202eexe', 'cannot be seen'],
  ['invoice\u2066fdp\u2069.txt', 'cannot be seen'],
  ['a\u200b.txt', 'cannot be seen'],
  ['a\ufeff.txt', 'cannot be seen'],
  ['a\u2028b.txt', 'cannot be seen'],
  ['\ud800.txt', 'cannot be seen'],
  ['x'.repeat(256), '255 bytes'],
  ['ü'.repeat(128), '255 bytes'],
  ['evil.exe.', 'end with'],
  ['evil.exe ', 'end with'],
  [' evil.txt', 'begin with'],
  ['evil.txt\u00a0', 'end with'],
  ['CON', 'device'],
  ['nul.txt', 'device'],
  ['Com1.log', 'device'],
  ['lpt¹.txt', 'device'],
  ['aux .txt', 'device'],
  ['evil.exe', '.exe'],
  ['EVIL.EXE', '.exe'],
  ['evil.exe.txt', '.exe'],
  ['report.pdf.exe', '.exe'],
  ['evil.ｅｘｅ', '.exe'],
  ['evil．exe', '.exe'],
  ['evil․exe', '.exe'],
  ['evil. exe', '.exe'],
  ['evil.exe .txt', '.exe'],
  ['script.js', '.js'],
])('%j is refused: %s', (name, why) => {
  expect(() => checkedName(name, blocked)).toThrow(expect.objectContaining({ code: 'invalid' }));
  expect(() => checkedName(name, blocked)).toThrow(why);
});
