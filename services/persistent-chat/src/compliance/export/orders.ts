// Four eyes: what one administrator wants to export another one approves.
import { randomUUID } from 'node:crypto';
import { ChatError } from '../../chat.ts';
import type { Database } from '../../database/database.ts';
import { audit, audited } from '../audit.ts';
import { findScope } from '../query.ts';

export interface Order {
  id: string;
  /** One of them is not empty; `room`: as it was asked for. */
  room: string;
  user: string;
  /** What had the name of the room when it was asked for, whatever has it now. Undefined of a user. */
  scope: string | undefined;
  reason: string;
  askedBy: string;
  askedAt: Date;
  approvedBy: string | undefined;
  approvedAt: Date | undefined;
}

const COLUMNS = 'id, of_room, of_user, of_scope, reason, asked_by, asked_at, approved_by, approved_at';
/** How long an approval is good for. */
const GOOD_FOR = "interval '1 day'";
const SHOWN_FOR = "interval '30 days'";

/** Rejects with `not-found` where compliance knows no such room, and with `conflict` where several have had the name. */
export function requestExport(
  database: Database,
  by: string,
  { room, user, reason }: Pick<Order, 'room' | 'user' | 'reason'>,
): Promise<Order> {
  if ((room === '') === (user === ''))
    throw new ChatError('invalid', 'an export is of a room or of a user: give one of them');
  if (reason.trim() === '') throw new ChatError('invalid', 'reason: must say why, for whoever approves it');
  return database.transaction(async (client) => {
    const scope = room === '' ? undefined : (await findScope(client, room)).scope;
    const id = randomUUID();
    await audited(client, by, 'request-export', { id, room, scope, user, reason });
    const { rows } = await client.query(
      `INSERT INTO export_requests (id, of_room, of_user, of_scope, reason, asked_by) VALUES ($1, $2, $3, $4, $5, $6)
       RETURNING ${COLUMNS}`,
      [id, room, user, scope ?? null, reason, by],
    );
    return toOrder(rows[0]);
  });
}

/** Rejects with `not-found`, and with `forbidden` for whoever has asked. Approved twice is approved once. */
export async function approveExport(database: Database, by: string, id: string): Promise<Order> {
  // Also that somebody tried who may not.
  await audit(database, by, 'approve-export', { id });
  return database.transaction(async (client) => {
    const { rows } = await client.query(`SELECT ${COLUMNS} FROM export_requests WHERE id = $1 FOR UPDATE`, [
      id,
    ]);
    if (rows[0] === undefined) throw new ChatError('not-found', `nobody has asked for an export ${id}`);
    const order = toOrder(rows[0]);
    if (order.askedBy === by)
      throw new ChatError('forbidden', 'who has asked for an export cannot approve it');
    if (order.approvedBy !== undefined) return order;
    const approved = await client.query(
      `UPDATE export_requests SET approved_by = $2, approved_at = now() WHERE id = $1 RETURNING ${COLUMNS}`,
      [id, by],
    );
    return toOrder(approved.rows[0]);
  });
}

export async function listOrders(database: Database): Promise<Order[]> {
  const { rows } = await database.use((client) =>
    client.query(
      `SELECT ${COLUMNS} FROM export_requests WHERE asked_at > now() - ${SHOWN_FOR} ORDER BY asked_at DESC, id LIMIT 1000`,
    ),
  );
  return rows.map(toOrder);
}

/** What `by` may export by this order now. Rejects with `not-found`, also for other people's, or with `conflict` and why not. */
export async function approvedOrder(database: Database, by: string, id: string): Promise<Order> {
  const { rows } = await database.use((client) =>
    client.query(
      `SELECT ${COLUMNS}, approved_at > now() - ${GOOD_FOR} AS good FROM export_requests WHERE id = $1 AND asked_by = $2`,
      [id, by],
    ),
  );
  if (rows[0] === undefined) throw new ChatError('not-found', `you have not asked for an export ${id}`);
  if (rows[0].good === null) throw new ChatError('conflict', 'nobody has approved this export yet');
  if (!rows[0].good) throw new ChatError('conflict', 'the approval of this export is over: ask again');
  const order = toOrder(rows[0]);
  if (order.room !== '' && order.scope === undefined)
    throw new ChatError('conflict', 'an earlier release has not noted which room was meant: ask again');
  return order;
}

// biome-ignore lint/suspicious/noExplicitAny: rows are what the query says.
const toOrder = (row: any): Order => ({
  id: row.id,
  room: row.of_room,
  user: row.of_user,
  scope: row.of_scope ?? undefined,
  reason: row.reason,
  askedBy: row.asked_by,
  askedAt: row.asked_at,
  approvedBy: row.approved_by ?? undefined,
  approvedAt: row.approved_at ?? undefined,
});
