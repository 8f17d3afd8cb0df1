// Legal holds: what they name is neither purged nor cut off, whatever retention says.
import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import { ChatError } from '../chat.ts';
import type { Database } from '../database/database.ts';
import type { Held, Holds } from '../legal-holds.ts';
import { audited } from './audit.ts';
import { isScope } from './event.ts';
import { findScope } from './query.ts';

export interface Hold {
  id: string;
  /** What it is for: a case number. */
  name: string;
  /** A room, a category with all rooms that have ever been in it, a user, or what that user did there; everything where none is named. */
  scope: string | undefined;
  subject: string | undefined;
  since: Date;
  placedBy: string;
  releasedAt: Date | undefined;
  releasedBy: string | undefined;
}

export type NewHold = Pick<Hold, 'name' | 'scope' | 'subject'>;

const COLUMNS = 'id, name, scope, subject, since, placed_by, released_at, released_by';
const timeText = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
/** A hold as the audit has it; what it has last is what the hold has to be. */
export const EVIDENCE = `jsonb_build_object('id', id, 'name', name, 'scope', scope, 'subject', subject,
  'since', ${timeText('since')}, 'placedBy', placed_by,
  'releasedAt', ${timeText('released_at')}, 'releasedBy', released_by)`;

/** Who takes something away, or looks, has it in SHARE MODE: this waits until that is over. Before the audit's own lock. */
const LOCK_TO_CHANGE = 'LOCK TABLE legal_holds IN ROW EXCLUSIVE MODE';
/** No hold is placed or released until the end of the transaction. */
export const LOCK_TO_ASK = 'LOCK TABLE legal_holds IN SHARE MODE';

export function placeHold(database: Database, by: string, hold: NewHold): Promise<Hold> {
  const { name, scope, subject } = hold;
  return database.transaction(async (client) => {
    await client.query(LOCK_TO_CHANGE);
    const { rows } = await client.query(
      `INSERT INTO legal_holds (id, name, scope, subject, placed_by) VALUES ($1, $2, $3, $4, $5)
       RETURNING ${COLUMNS}, ${EVIDENCE} AS evidence`,
      [randomUUID(), name, scope ?? null, subject?.toLowerCase() ?? null, by],
    );
    await audited(client, by, 'place-hold', rows[0].evidence);
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
    await client.query(LOCK_TO_CHANGE);
    const { rows } = await client.query(
      `UPDATE legal_holds SET released_at = now(), released_by = $2 WHERE id = $1 AND released_at IS NULL
       RETURNING ${COLUMNS}, ${EVIDENCE} AS evidence`,
      [id, by],
    );
    await audited(client, by, 'release-hold', { id, ...rows[0]?.evidence, why });
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

/**
 * The id of the room or category that a hold shall be on. Rejects with `not-found` where neither the compliance store knows it,
 * which also has what was deleted, nor the rooms themselves do, of which some may be on their way to the store.
 */
export async function heldScope(
  database: Database,
  idOrName: string,
  exists: (id: string) => Promise<boolean>,
): Promise<string> {
  try {
    return (await database.use((client) => findScope(client, idOrName))).scope;
  } catch (error) {
    if (!(error instanceof ChatError) || error.code !== 'not-found') throw error;
  }
  const id = idOrName.toLowerCase();
  if (isScope(id) && (await exists(id))) return id;
  throw new ChatError(
    'not-found',
    `nothing is held: there is no room or category ${JSON.stringify(idOrName)}, and compliance has never known one`,
  );
}

/** `category`: one that the room is in, beside those that the store knows of. */
export async function heldIn(client: PoolClient, scope: string, category?: string): Promise<Held> {
  const { rows } = await client.query(
    `SELECT DISTINCT subject FROM legal_holds WHERE released_at IS NULL AND (scope IS NULL OR scope = $1 OR scope = $2
       OR scope IN (SELECT category FROM room_categories WHERE room = $1))`,
    [scope, category ?? null],
  );
  const subjects = rows.map(({ subject }) => subject as string | null);
  return { all: subjects.includes(null), subjects: subjects.filter((subject) => subject !== null) };
}

/** See WithHolds. The lock is lost with its session: `stand` asks whether it is still there. */
export function withHoldsOf<T>(database: Database, run: (holds: Holds) => Promise<T>): Promise<T> {
  return database.use(async (client) => {
    await client.query("BEGIN; SET LOCAL idle_in_transaction_session_timeout = '10s'");
    try {
      await client.query(LOCK_TO_ASK);
      return await run({
        of: (room, category) => heldIn(client, room, category).catch(notKnown),
        stand: () => client.query('SELECT 1').then(() => {}, notKnown),
      });
    } finally {
      // Where the connection is lost, so is the lock.
      await client.query('ROLLBACK').catch(() => {});
    }
  });
}

/** Not as an error of PostgreSQL: whoever asks is in a transaction of another database. */
function notKnown(error: Error): never {
  throw new ChatError('unavailable', `compliance cannot tell what is held: ${error.message}`, 1);
}

/** Resolves when nobody is at it any more who may not have seen what was stored elsewhere before. */
export const holdsAreSeen = (database: Database): Promise<void> =>
  database
    .transaction(async (client) => void (await client.query(LOCK_TO_CHANGE)))
    .catch((error: Error) => {
      const why = 'the hold is stored, and whether retention is at this room in this moment is not known';
      throw new ChatError('unavailable', `${why}: ${error.message}`, 1);
    });

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
