// For how many days the categories of a room have said that it is kept: their own chains tell, which are never cut off.
import type { PoolClient } from 'pg';
import { parseStored } from './event.ts';

/**
 * All that a category of the room has ever said. Undefined where that is not known: the room has told of no category, or an early
 * release has cut off the chain of one.
 */
export async function daysSaid(client: PoolClient, room: string): Promise<ReadonlySet<number> | undefined> {
  const { rows } = await client.query(
    `SELECT coalesce(c.cut_seq, 0) > 0 AS "isCut", e.event FROM room_categories r
     LEFT JOIN chains c ON c.scope = r.category
     LEFT JOIN events e ON e.scope = r.category AND e.kind IN ('category-created', 'category-changed')
     WHERE r.room = $1`,
    [room],
  );
  if (rows.length === 0 || rows.some(({ isCut }) => isCut)) return undefined;
  return new Set(rows.flatMap(({ event }) => (event === null ? [] : daysOf(event))));
}

function daysOf(text: string): number[] {
  const event = parseStored(text);
  const days = 'change' in event ? event.change.retentionDays : undefined;
  return typeof days === 'number' ? [days] : [];
}
