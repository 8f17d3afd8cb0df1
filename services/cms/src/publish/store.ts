// What PostgreSQL holds for the roles, read by the push as it was at one moment.
import type { Head, PublishedDocument } from '@linchpin/proto/subjects';
import type { PoolClient } from 'pg';

const BATCH = 1000;

/** Sees one state of the tables throughout. A pod that stands still meanwhile is cut off, or old rows could never be removed. */
export async function atOneMoment<T>(client: PoolClient, run: () => Promise<T>): Promise<T> {
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query("SET LOCAL idle_in_transaction_session_timeout = '60s'");
    return await run();
  } finally {
    await client.query('ROLLBACK').catch(() => {});
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
