import { expect, test } from 'vitest';
import { checkPosting, checkReaction } from './body.ts';

const sizes = { maxMessageCharacters: 10, maxStoryCharacters: 20 };
const posting = (change: object) => checkPosting({ clientId: 'c1', body: 'hello', ...change }, sizes);

test('a post is stored with the line ends that all have', () =>
  expect(posting({ body: 'a\r\nb\tc' })).toEqual({ clientId: 'c1', body: 'a\nb\tc', files: [] }));

test('characters are counted, not their parts', () =>
  expect(posting({ body: '😀'.repeat(10) }).files).toEqual([]));

test('a story may be longer', () =>
  expect(posting({ subject: 'news', body: 'x'.repeat(20) })).toMatchObject({ subject: 'news' }));

test('no subject is the same as an empty one', () =>
  expect(posting({ subject: '' })).not.toHaveProperty('subject'));

test.each([
  ['an empty body', { body: ' \n ' }, 'body: is empty'],
  ['half a character', { body: 'a\ud800' }, 'body: is not valid Unicode'],
  ['a control character', { body: 'a\u0000' }, 'body: holds a control character'],
  ['a bell of the other half', { body: 'a\u0090' }, 'body: holds a control character'],
  ['a carriage return alone', { body: 'a\rb' }, 'body: holds a control character'],
  ['too many characters', { body: 'x'.repeat(11) }, 'body: longer than 10 characters'],
  ['too many pairs', { body: '😀'.repeat(11) }, 'body: longer than 10 characters'],
  ['too long a story', { subject: 's', body: 'x'.repeat(21) }, 'body: longer than 20 characters'],
  ['a subject of two lines', { subject: 'a\nb' }, 'subject: must be one line'],
  ['a long subject', { subject: 'x'.repeat(257) }, 'subject: longer than 256 characters'],
  ['no client id', { clientId: '' }, 'clientId: is empty'],
  ['a long client id', { clientId: 'x'.repeat(65) }, 'clientId: longer than 64 characters'],
  ['a thread that is no number', { thread: 1.5 }, 'thread: must be the number of a post'],
  ['a file that has no id', { files: ['../../etc/passwd'] }, 'files: not an id of a file'],
  [
    'a file twice',
    { files: ['0190d3a4-5b1c-7b8b-8f56-6a42ac1cba4f', '0190D3A4-5B1C-7B8B-8F56-6A42AC1CBA4F'] },
    'files: names a file twice',
  ],
  ['a link that does something', { body: 'blob:x' }, 'body: links to "blob:" are not allowed'],
])('refuses %s', (_, change, why) => expect(() => posting(change)).toThrow(why));

test('a body that could never be published is too large, whatever the limit of characters is', () => {
  const large = { clientId: 'c', subject: 's', body: '語'.repeat(200_000) };
  expect(() => checkPosting(large, { maxMessageCharacters: 1, maxStoryCharacters: 262_144 })).toThrow(
    'bytes',
  );
});

test('a reaction is short', () => {
  checkReaction('👍🏽');
  expect(() => checkReaction('x'.repeat(33))).toThrow('longer than 32');
});
