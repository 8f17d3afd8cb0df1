import type { PoolClient } from 'pg';

/** What a category says of how long things are kept, for one of its rooms or itself. */
export interface KeepingPolicy {
  /** Undefined: for good. */
  retentionDays: number | undefined;
  /** The room itself is held. */
  legalHold: boolean;
  /** That the room is in; undefined of a category. */
  category: string | undefined;
}

/** Of those of these rooms and categories that there are. */
export async function selectPolicies(
  client: PoolClient,
  scopes: readonly string[],
): Promise<ReadonlyMap<string, KeepingPolicy>> {
  const { rows } = await client.query(
    `SELECT r.id, c.retention_days, r.legal_hold, r.category FROM rooms r JOIN categories c ON c.id = r.category
       WHERE r.id = ANY($1::uuid[])
     UNION ALL SELECT id, retention_days, false, NULL FROM categories WHERE id = ANY($1::uuid[])`,
    [scopes],
  );
  return new Map(
    rows.map(({ id, retention_days, legal_hold, category }) => [
      id,
      {
        retentionDays: retention_days ?? undefined,
        legalHold: legal_hold,
        category: category ?? undefined,
      },
    ]),
  );
}
