// Who asked the compliance store what: written and committed before the answer is given, and chained as events are.
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

/** Where the chain of the audit ends. */
export interface AuditHead {
  seq: number;
  hash: Buffer;
}

/** A row as it is hashed. jsonb has one text for each value. */
export const ENTRY = `jsonb_build_array(
  seq, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), by, action, detail)::text`;

const INSERT = `
  INSERT INTO audit (seq, at, by, action, detail, hash)
  SELECT seq, at, by, action, detail, sha256($5::bytea || convert_to(${ENTRY}, 'UTF8'))
  FROM (SELECT $1::bigint AS seq, now() AS at, $2::text AS by, $3::text AS action, $4::jsonb AS detail) AS entry
  RETURNING hash`;

/**
 * In a transaction with what it tells of. Until that ends nobody else writes to the audit: locks on `legal_holds` and `chains` are
 * taken before it.
 */
export async function audited(
  client: PoolClient,
  by: string,
  action: AuditAction,
  detail: object,
): Promise<AuditHead> {
  const json = JSON.stringify(detail, (_, value) => (typeof value === 'string' ? storable(value) : value));
  const head = await readAuditHead(client, 'FOR UPDATE');
  if (head === undefined) throw new Error('audit_head has no row: where the audit ends is not known');
  const seq = head.seq + 1;
  const { rows } = await client.query(INSERT, [seq, storable(by), action, json, head.hash]);
  const { hash } = rows[0];
  await client.query('UPDATE audit_head SET seq = $1, hash = $2', [seq, hash]);
  return { seq, hash };
}

/** Undefined where somebody has taken it out. */
export async function readAuditHead(
  client: PoolClient,
  locking: 'FOR UPDATE' | '' = '',
): Promise<AuditHead | undefined> {
  const { rows } = await client.query(`SELECT seq, hash FROM audit_head ${locking}`);
  const [head] = rows;
  return head && { seq: Number(head.seq), hash: head.hash };
}

/** jsonb takes neither NUL nor half a character. */
const storable = (text: string): string => text.replaceAll('\0', '\ufffd').toWellFormed();

/** Rejects where it cannot be written down: then nothing may be answered. */
export const audit = (
  database: Database,
  by: string,
  action: AuditAction,
  detail: object,
): Promise<AuditHead> => database.transaction((client) => audited(client, by, action, detail));
