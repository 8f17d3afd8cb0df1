// Legal holds: what they name is neither purged nor cut off, whatever retention says.
import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { Database } from '../database/database.ts';
import { audited } from './audit.ts';

export interface Hold {
  id: string;
  /** What it is for: a case number. */
  name: string;
  /** A room (or category), a user, or what that user did there; everything where neither is named. */
  scope: string | undefined;
  subject: string | undefined;
  since: Date;
  placedBy: string;
  releasedAt: Date | undefined;
  releasedBy: string | undefined;
}

export type NewHold = Pick<Hold, 'name' | 'scope' | 'subject'>;

/** What holds say of one scope. */
export interface Held {
  /** Nothing of it may go. */
  all: boolean;
  /** What these people did, and what names them, may not go; in lower case. */
  subjects: string[];
}

const COLUMNS = 'id, name, scope, subject, since, placed_by, released_at, released_by';

export function placeHold(database: Database, by: string, hold: NewHold): Promise<Hold> {
  const { name, scope, subject } = hold;
  return database.transaction(async (client) => {
    await audited(client, by, 'place-hold', hold);
    const { rows } = await client.query(
      `INSERT INTO legal_holds (id, name, scope, subject, placed_by) VALUES ($1, $2, $3, $4, $5) RETURNING ${COLUMNS}`,
      [randomUUID(), name, scope ?? null, subject?.toLowerCase() ?? null, by],
    );
    return toHold(rows[0]);
  });
}

/** Undefined where there is no such hold that is not released. */
export function releaseHold(
  database: Database,
  by: string,
  id: string,
  why: string,
): Promise<Hold | undefined> {
  return database.transaction(async (client) => {
    await audited(client, by, 'release-hold', { id, why });
    const { rows } = await client.query(
      `UPDATE legal_holds SET released_at = now(), released_by = $2 WHERE id = $1 AND released_at IS NULL
       RETURNING ${COLUMNS}`,
      [id, by],
    );
    return rows[0] && toHold(rows[0]);
  });
}

export async function listHolds(client: PoolClient, withReleased: boolean): Promise<Hold[]> {
  const { rows } = await client.query(
    `SELECT ${COLUMNS} FROM legal_holds WHERE $1 OR released_at IS NULL ORDER BY since, id`,
    [withReleased],
  );
  return rows.map(toHold);
}

export async function heldIn(client: PoolClient, scope: string): Promise<Held> {
  const { rows } = await client.query(
    'SELECT DISTINCT subject FROM legal_holds WHERE released_at IS NULL AND (scope IS NULL OR scope = $1)',
    [scope],
  );
  const subjects = rows.map(({ subject }) => subject as string | null);
  return { all: subjects.includes(null), subjects: subjects.filter((subject) => subject !== null) };
}

// biome-ignore lint/suspicious/noExplicitAny: rows are what the query says.
const toHold = (row: any): Hold => ({
  id: row.id,
  name: row.name,
  scope: row.scope ?? undefined,
  subject: row.subject ?? undefined,
  since: row.since,
  placedBy: row.placed_by,
  releasedAt: row.released_at ?? undefined,
  releasedBy: row.released_by ?? undefined,
});
