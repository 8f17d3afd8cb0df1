import type { Document } from '../management/cms.ts';
import { table } from './table.ts';

/** One row for each document; users get columns of their own. */
export function documentTable(documents: Document[]): string {
  if (documents[0]?.kind === 'User') return table(USER_HEADER, documents.map(userRow));
  return table(
    ['NAME', 'VERSION', 'SETTINGS'],
    documents.map(({ name, version, spec }) => [name, String(version), settings(spec).join(' ')]),
  );
}

const USER_HEADER = ['NAME', 'DISPLAY NAME', 'ENABLED', 'POOL', 'POLICIES', 'VERSION'];

function userRow({ name, version, spec }: Document): string[] {
  const { displayName = '', enabled, pool, policies = {} } = spec;
  const given = settings(policies as Record<string, unknown>).join(' ');
  return [
    name,
    String(displayName),
    enabled === false ? 'no' : 'yes',
    String(pool ?? ''),
    given,
    String(version),
  ];
}

const settings = (spec: Record<string, unknown>): string[] =>
  Object.entries(spec).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
