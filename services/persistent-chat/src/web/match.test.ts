import { expect, test } from 'vitest';
import { createMatcher } from './match.ts';
import { table } from './table.ts';

const match = createMatcher(table);

test('Each segment is decoded by itself', () => {
  expect(match('GET', '/v1/rooms/Sales%20%2F%20West/posts')).toMatchObject({
    route: { operation: 'getPosts' },
    params: { room: 'Sales / West' },
  });
});

test('What has no name of its own is none', () => {
  for (const path of ['/v1/rooms//posts', '/v1/rooms/a/posts/', '/v1', '', '/', '/v1/rooms/%ff', '/V1/rooms'])
    expect(match('GET', path)).toEqual({ route: undefined, allowed: [] });
});

test('Methods that are not there are told from paths that are not there', () => {
  expect(match('POST', '/v1/unread')).toEqual({ route: undefined, allowed: ['GET', 'HEAD'] });
  expect(match('HEAD', '/v1/events')).toEqual({ route: undefined, allowed: ['GET'] });
});

test('No two routes are the same, by path or by name', () => {
  const paths = table.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`);
  expect(new Set(paths).size).toBe(table.length);
  expect(new Set(table.map(({ operation }) => operation)).size).toBe(table.length);
});
