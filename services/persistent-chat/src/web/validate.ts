// What a request says, checked against its route.
import type { z } from 'zod';
import { type Mistake, WebError } from './problem.ts';
import type { Route } from './route.ts';

/** All mistakes at once. */
export function validate(
  route: Route,
  given: { params: unknown; query: unknown; body: unknown },
): { params: unknown; query: unknown; body: unknown } {
  const mistakes: Mistake[] = [];
  const read = (where: string, schema: z.ZodType, value: unknown): unknown => {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    mistakes.push(...result.error.issues.map((issue) => mistakeOf(where, value, issue)));
    return undefined;
  };
  const params = read('path', route.params, given.params);
  const query = read('query', route.query, given.query);
  const body = route.body && read('body', route.body, given.body);
  if (mistakes.length === 0) return { params, query, body };
  const first = mistakes[0] as Mistake;
  throw new WebError(400, 'invalid', `${first.at}: ${first.message}`, { errors: mistakes.slice(0, 50) });
}

const mistakeOf = (where: string, given: unknown, issue: z.core.$ZodIssue): Mistake => ({
  at: [where, ...issue.path.map(String)].join('.'),
  message: where === 'query' && isTwice(given, issue) ? 'must be given once' : issue.message,
});

/** It came as a list, see `queryOf`, and may not be one. */
const isTwice = (query: unknown, { code, path }: z.core.$ZodIssue): boolean =>
  code === 'invalid_type' &&
  path.length === 1 &&
  Array.isArray((query as Record<PropertyKey, unknown>)[path[0] as PropertyKey]);

/** A name that comes several times is a list. */
export function queryOf(search: string): Record<string, string | string[]> {
  const query: [string, string | string[]][] = [];
  const params = new URLSearchParams(search);
  for (const name of new Set(params.keys())) {
    const values = params.getAll(name);
    query.push([name, values.length === 1 ? (values[0] as string) : values]);
  }
  return Object.fromEntries(query);
}
