import { expect, test } from 'vitest';
import type { WebError } from './problem.ts';
import { table } from './table.ts';
import { queryOf, validate } from './validate.ts';

const params = { room: 'x', topic: 'x', seq: '1' };

function mistakes(operation: string, search: string, body?: unknown): string {
  const route = table.find((each) => each.operation === operation);
  if (route === undefined) throw new Error(operation);
  const named = Object.keys(route.params.shape).map((name) => [name, params[name as keyof typeof params]]);
  try {
    validate(route, { params: Object.fromEntries(named), query: queryOf(search), body });
    return '';
  } catch (error) {
    return (error as WebError).message;
  }
}

test.each([
  ['getPosts', 'limit=-1', 'query.limit: must be a whole number from 1 to 500'],
  ['getPosts', 'limit=1e9', 'query.limit: must be a whole number from 1 to 500'],
  ['getPosts', 'limit=abc', 'query.limit: must be a whole number from 1 to 500'],
  ['getPosts', 'limit=', 'query.limit: must be a whole number from 1 to 500'],
  ['getPosts', 'limit=0', 'query.limit: must be a whole number from 1 to 500'],
  ['getPosts', 'limit=501', 'query.limit: must be a whole number from 1 to 500'],
  ['getPosts', 'after=9007199254740992', 'query.after: must be a whole number from 0 to 9007199254740991'],
  ['getPosts', 'after=9007199254740991', ''],
  ['getPosts', 'limit=1&limit=2', 'query.limit: must be given once'],
  ['findRooms', 'text=a&text=b', 'query.text: must be given once'],
  ['findRooms', 'mine=yes', 'query.mine: must be true or false'],
  ['searchPosts', 'mentionsMe=1', 'query.mentionsMe: must be true or false'],
  ['searchPosts', 'from=yesterday', 'query.from: must be a time such as 2026-03-01T00:00:00Z'],
  ['searchPosts', 'room=a&room=b', ''],
])('%s?%s is told what is allowed', (operation, search, message) =>
  expect(mistakes(operation, search)).toBe(message),
);

test.each([
  ['half of a surrogate pair', '\ud800', 'body.body: must be valid Unicode, not half of a surrogate pair'],
  ['NUL', 'a\0', 'body.body: must not hold NUL'],
])('%s in a text is called what it is', (_what, body, message) =>
  expect(mistakes('createPost', '', { clientId: 'c', body })).toBe(message),
);
