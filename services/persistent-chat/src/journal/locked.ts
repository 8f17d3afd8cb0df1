// The row locks under which a room or a category gives out its numbers.
import type { PoolClient } from 'pg';
import { limitWaits, sayLocked } from '../room-lock.ts';
import { together } from '../together.ts';

interface Locked {
  id: string;
  /** The number of the last event. Grows with what is appended in this transaction. */
  lastSeq: number;
  accessVersion: number;
  /** RFC 3339 in UTC with milliseconds: read when all locks were held, so it does not go back from number to number. */
  at: string;
}

export interface LockedRoom extends Locked {
  category: string;
  categoryAccessVersion: number;
  disabled: boolean;
  kind: 'normal' | 'auditorium';
  legalHold: boolean;
  complianceRequired: boolean;
  chatHistory: boolean;
}

export type LockedCategory = Locked;

// Who enters something that only names a room (a mark, a file) does not wait for it, as it would for FOR UPDATE.
const LOCK_ROOMS = `
  SELECT id, category, last_seq::float8 AS "lastSeq", access_version::float8 AS "accessVersion", disabled, kind,
    legal_hold AS "legalHold"
  FROM rooms WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE`;

// A statement of its own: it sees what was stored while the first one waited for locks.
const READ_CATEGORIES = `
  SELECT id, access_version::float8 AS "categoryAccessVersion", compliance_required AS "complianceRequired",
    chat_history AS "chatHistory", clock_timestamp() AS at
  FROM categories WHERE id IN (SELECT category FROM rooms WHERE id = ANY($1::uuid[]))`;

// Whoever puts a room into it waits, or what is changed for the rooms of the category would not be for that one.
const LOCK_CATEGORY = `
  SELECT id, last_seq::float8 AS "lastSeq", access_version::float8 AS "accessVersion"
  FROM categories WHERE id = $1 FOR UPDATE`;

/** Rooms that are not there are not in the map. Rejects with RoomsLocked where one of them is not to be had within `waitMs`. */
export async function lockRooms(
  client: PoolClient,
  ids: readonly string[],
  waitMs?: number,
): Promise<Map<string, LockedRoom>> {
  // They are run one after the other, as they are sent.
  const [, rooms, read] = await together([
    waitMs && limitWaits(client, waitMs),
    client.query({ name: 'lock-rooms', text: LOCK_ROOMS, values: [ids] }),
    client.query({ name: 'read-categories', text: READ_CATEGORIES, values: [ids] }),
  ]).catch(sayLocked);
  const categories = new Map(read.rows.map(({ id, at, ...rest }) => [id, { ...rest, at: at.toISOString() }]));
  return new Map(rooms.rows.map((room) => [room.id, { ...room, ...categories.get(room.category) }]));
}

export async function lockCategory(client: PoolClient, id: string): Promise<LockedCategory | undefined> {
  const { rows } = await client.query({ name: 'lock-category', text: LOCK_CATEGORY, values: [id] });
  if (rows[0] === undefined) return undefined;
  const clock = await client.query('SELECT clock_timestamp() AS at');
  return { ...rows[0], at: clock.rows[0].at.toISOString() };
}
