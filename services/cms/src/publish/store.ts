// What PostgreSQL holds for the roles, read by the push as it was at one moment.
import type { Head, PublishedDocument } from '@linchpin/proto/subjects';
import type { PoolClient } from 'pg';
import { LOCK } from '../locks.ts';

const BATCH = 1000;

/** Runs while no other CMS pod writes to the buckets, and sees one state of the tables throughout. */
export async function alone<T>(client: PoolClient, run: () => Promise<T>): Promise<T> {
  // The lock comes first: a transaction sees what was there at its first query, even if that one had to wait.
  await client.query('SELECT pg_advisory_lock($1)', [LOCK.push]);
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    return await run();
  } finally {
    await client.query('ROLLBACK').catch(() => {});
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK.push]).catch(() => {});
  }
}

export async function selectHead(client: PoolClient): Promise<Head | undefined> {
  const { rows } = await client.query('SELECT version, id FROM versions ORDER BY version DESC LIMIT 1');
  return rows[0] && { version: Number(rows[0].version), id: rows[0].id };
}

export async function hasVersion(client: PoolClient, { version, id }: Head): Promise<boolean> {
  const { rows } = await client.query('SELECT 1 FROM versions WHERE version = $1 AND id::text = $2', [
    version,
    id,
  ]);
  return rows.length > 0;
}

/** The documents of these kinds that changed after version `since`; with 0 all that exist. In batches. */
export async function* selectPublished(
  client: PoolClient,
  kinds: readonly string[],
  since: number,
): AsyncGenerator<PublishedDocument[]> {
  let [kind, name] = ['', ''];
  for (;;) {
    const { rows } = await client.query(
      `SELECT kind, name, version, spec FROM published
       WHERE kind = ANY ($1) AND version > $2 AND ($2 > 0 OR spec IS NOT NULL) AND (kind, name) > ($3, $4)
       ORDER BY kind, name LIMIT $5`,
      [kinds, since, kind, name, BATCH],
    );
    if (rows.length > 0) yield rows.map((row) => ({ ...row, version: Number(row.version) }));
    if (rows.length < BATCH) return;
    ({ kind, name } = rows.at(-1));
  }
}
