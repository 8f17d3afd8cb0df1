// For how many days the categories of a room have said that it is kept: their own chains tell, which are never cut off.
import type { PoolClient } from 'pg';
import { parseStored } from './event.ts';

/**
 * All that a category of the room has ever said. Undefined where that is not known: the room has told of no category, or of one
 * whose chain is not there from its beginning (cut off by an early release, or made while there was no compliance).
 */
export async function daysSaid(client: PoolClient, room: string): Promise<ReadonlySet<number> | undefined> {
  const { rows } = await client.query(
    `SELECT r.category, e.kind, e.event FROM room_categories r
     LEFT JOIN events e ON e.scope = r.category AND e.kind IN ('category-created', 'category-changed')
     WHERE r.room = $1`,
    [room],
  );
  const begun = new Set(
    rows.filter(({ kind }) => kind === 'category-created').map(({ category }) => category),
  );
  if (rows.length === 0 || rows.some(({ category }) => !begun.has(category))) return undefined;
  return new Set(rows.flatMap(({ event }) => (event === null ? [] : daysOf(event))));
}

function daysOf(text: string): number[] {
  const event = parseStored(text);
  const days = 'change' in event ? event.change.retentionDays : undefined;
  return typeof days === 'number' ? [days] : [];
}
