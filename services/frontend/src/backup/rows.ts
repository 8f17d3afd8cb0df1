import type { Sessions } from './sessions.ts';

/** The right to write a group's rows, of its owner. */
export interface Claim {
  group: number;
  /** Tells the group's stream from others that had its name. */
  incarnation: string;
  /** Of the owner; the next one has a higher one. */
  term: number;
}

export interface Row {
  key: string;
  revision: number;
  /** JSON. */
  text: string;
}

export interface Change {
  kept: readonly Row[];
  gone: readonly string[];
  /** The rows are complete up to this revision then; undefined while more is to come. */
  completeTo: number | undefined;
}

/** The tables of the backup, for one pool. All reject when PostgreSQL is away. */
export interface Rows {
  /** False: a later owner has written. */
  claim(claim: Claim): Promise<boolean>;
  /** Revisions by key. */
  revisions(group: number): Promise<Map<string, number>>;
  /** One statement: all of it or nothing. False: the claim does not hold any more, and nothing was written. */
  write(claim: Claim, change: Change): Promise<boolean>;
  read(group: number): Promise<Row[]>;
}

const COMPLETE = `
  UPDATE user_state_backup_groups SET revision = coalesce($5, revision), at = now()
  WHERE pool = $1 AND grp = $2 AND incarnation = $3 AND term = $4 RETURNING pool, grp`;

const WRITE = `
  WITH held AS (${COMPLETE}),
  gone AS (DELETE FROM user_state_backup AS old USING held
    WHERE old.pool = held.pool AND old.grp = held.grp AND old.key = ANY($6::text[])),
  kept AS (INSERT INTO user_state_backup (pool, grp, key, revision, value)
    SELECT held.pool, held.grp, new.* FROM held, unnest($7::text[], $8::bigint[], $9::text[]) AS new
    ON CONFLICT (pool, grp, key) DO UPDATE SET revision = excluded.revision, value = excluded.value)
  SELECT FROM held`;

export function createRows(sessions: Sessions, pool: string, pod: string): Rows {
  return {
    claim: ({ group, incarnation, term }) =>
      sessions.transaction(async (client) => {
        const place = [pool, group];
        await client.query(
          `INSERT INTO user_state_backup_groups (pool, grp, incarnation, term, pod) VALUES ($1, $2, '', 0, '')
           ON CONFLICT DO NOTHING`,
          place,
        );
        const { rows } = await client.query(
          'SELECT incarnation, term FROM user_state_backup_groups WHERE pool = $1 AND grp = $2 FOR UPDATE',
          place,
        );
        const sameStream = rows[0].incarnation === incarnation;
        if (sameStream && Number(rows[0].term) > term) return false;
        await client.query(
          `UPDATE user_state_backup_groups SET incarnation = $3, term = $4, pod = $5, at = now(),
             revision = CASE WHEN incarnation = $3 THEN revision ELSE 0 END
           WHERE pool = $1 AND grp = $2`,
          [...place, incarnation, term, pod],
        );
        // Revisions of another stream say nothing about this one.
        if (!sameStream)
          await client.query(
            'UPDATE user_state_backup SET revision = 0 WHERE pool = $1 AND grp = $2 AND revision <> 0',
            place,
          );
        return true;
      }),
    revisions: (group) =>
      sessions.use(async (client) => {
        const { rows } = await client.query(
          'SELECT key, revision FROM user_state_backup WHERE pool = $1 AND grp = $2',
          [pool, group],
        );
        return new Map(rows.map(({ key, revision }) => [key, Number(revision)]));
      }),
    write: ({ group, incarnation, term }, { kept, gone, completeTo }) =>
      sessions.use(async (client) => {
        const columns = [
          kept.map(({ key }) => key),
          kept.map(({ revision }) => revision),
          kept.map(({ text }) => text),
        ];
        const values = [pool, group, incarnation, term, completeTo ?? null, gone, ...columns];
        return (await client.query(WRITE, values)).rowCount === 1;
      }),
    read: (group) =>
      sessions.use(async (client) => {
        const { rows } = await client.query(
          'SELECT key, revision, value AS text FROM user_state_backup WHERE pool = $1 AND grp = $2 ORDER BY key',
          [pool, group],
        );
        return rows.map(({ key, revision, text }) => ({ key, revision: Number(revision), text }));
      }),
  };
}
