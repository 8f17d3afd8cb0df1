// From method and path to the route.
import type { Route } from './route.ts';

export type Match =
  | { route: Route; params: Record<string, string> }
  /** Nothing by this method: those that there are, none where there is no such path. */
  | { route: undefined; allowed: string[] };

interface Pattern {
  segments: string[];
  route: Route;
}

/** Paths are compared by segments, each decoded by itself: `%2F` in the name of a room is no separator. */
export function createMatcher(table: readonly Route[]): (method: string, path: string) => Match {
  const patterns = table.map((route): Pattern => ({ segments: route.path.split('/'), route }));

  return (method, path) => {
    const segments = decoded(path);
    if (segments === undefined) return { route: undefined, allowed: [] };
    const fitting = patterns.filter((pattern) => fits(pattern, segments));
    const methods = fitting.flatMap(({ route }) => methodsOf(route));
    if (!methods.includes(method)) return { route: undefined, allowed: [...new Set(methods)].sort() };
    const found = fitting.find(({ route }) => methodsOf(route).includes(method)) as Pattern;
    return { route: found.route, params: paramsOf(found, segments) };
  };
}

function decoded(path: string): string[] | undefined {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

const isName = (segment: string): boolean => segment.startsWith('{');

const fits = ({ segments }: Pattern, path: readonly string[]): boolean =>
  segments.length === path.length &&
  segments.every((segment, i) => (isName(segment) ? path[i] !== '' : segment === path[i]));

const paramsOf = ({ segments }: Pattern, path: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    segments.flatMap((segment, i) => (isName(segment) ? [[segment.slice(1, -1), path[i] ?? '']] : [])),
  );

/** There is no head of what has no end. */
const methodsOf = ({ method, streams }: Route): string[] =>
  method === 'GET' && !streams?.some(({ type }) => type === 'text/event-stream') ? ['GET', 'HEAD'] : [method];
