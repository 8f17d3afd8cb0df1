// Who asked the compliance store what: written and committed before the answer is given.
import type { PoolClient } from 'pg';
import type { Database } from '../database/database.ts';

export type AuditAction =
  | 'query'
  | 'verify'
  | 'export'
  | 'exported'
  | 'request-export'
  | 'approve-export'
  | 'place-hold'
  | 'release-hold'
  | 'list-holds'
  | 'retention';

/** In a transaction with what it tells of. */
export async function audited(
  client: PoolClient,
  by: string,
  action: AuditAction,
  detail: object,
): Promise<void> {
  const json = JSON.stringify(detail, (_, value) => (typeof value === 'string' ? storable(value) : value));
  await client.query('INSERT INTO audit (by, action, detail) VALUES ($1, $2, $3)', [by, action, json]);
}

/** jsonb takes neither NUL nor half a character. */
const storable = (text: string): string => text.replaceAll('\0', '\ufffd').toWellFormed();

/** Rejects where it cannot be written down: then nothing may be answered. */
export const audit = (database: Database, by: string, action: AuditAction, detail: object): Promise<void> =>
  database.transaction((client) => audited(client, by, action, detail));
