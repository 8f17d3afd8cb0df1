import type { PoolClient } from 'pg';
import type { Page, Principal, Room, RoomRole } from '../chat.ts';

/** What can be set of a room. */
export type Settings = Pick<
  Room,
  'name' | 'description' | 'category' | 'kind' | 'privacy' | 'invitations' | 'addIn'
>;

const columnsOf = (settings: Settings): unknown[] => [
  settings.name,
  settings.description,
  settings.category,
  settings.kind,
  settings.privacy,
  settings.invitations ?? null,
  settings.addIn ?? null,
];

export async function insertRoom(client: PoolClient, id: string, settings: Settings): Promise<void> {
  await client.query(
    `INSERT INTO rooms (id, name, description, category, kind, privacy, invitations, add_in)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [id, ...columnsOf(settings)],
  );
}

export async function updateRoom(client: PoolClient, id: string, settings: Settings): Promise<void> {
  await client.query(
    `UPDATE rooms SET name = $2, description = $3, category = $4, kind = $5, privacy = $6, invitations = $7, add_in = $8
     WHERE id = $1`,
    [id, ...columnsOf(settings)],
  );
}

export async function setFlag(
  client: PoolClient,
  id: string,
  flag: 'disabled' | 'legal_hold',
  value: boolean,
): Promise<void> {
  await client.query(`UPDATE rooms SET ${flag} = $2 WHERE id = $1`, [id, value]);
}

/** After every change of who may do what there, and of what is remembered of a room: pods ask again. */
export async function growVersion(client: PoolClient, id: string): Promise<void> {
  await client.query('UPDATE rooms SET access_version = access_version + 1 WHERE id = $1', [id]);
}

/** Whether there are more posts than this in the room; counts no further. */
export async function hasMorePosts(client: PoolClient, id: string, than: number): Promise<boolean> {
  const { rows } = await client.query('SELECT FROM posts WHERE room = $1 OFFSET $2 LIMIT 1', [id, than]);
  return rows.length > 0;
}

/** Up to where these have read is nothing that they come back to. */
export async function deleteMarks(
  client: PoolClient,
  room: string,
  members: readonly Principal[],
): Promise<void> {
  await client.query('DELETE FROM read_marks WHERE room = $1 AND member = ANY($2::text[])', [room, members]);
}

export async function deleteRoom(client: PoolClient, id: string): Promise<void> {
  await client.query('DELETE FROM rooms WHERE id = $1', [id]);
}

/**
 * Before the lock of a room in them. Whoever writes a row twice has its category locked by PostgreSQL, to keep it from being
 * deleted; who changes a category takes its lock first and those of its rooms then, and so has everybody to.
 */
export async function keepCategories(client: PoolClient, ids: readonly string[]): Promise<void> {
  await client.query('SELECT 1 FROM categories WHERE id = ANY($1::uuid[]) ORDER BY id FOR KEY SHARE', [ids]);
}

export interface RoomCategory {
  id: string;
  name: string;
  invitations: boolean;
}

/** By id or name. */
export async function selectCategory(
  client: PoolClient,
  key: { id: string } | { name: string },
): Promise<RoomCategory | undefined> {
  const [where, value] = 'id' in key ? ['id = $1', key.id] : ['lower(name) = lower($1)', key.name];
  const { rows } = await client.query(`SELECT id, name, invitations FROM categories WHERE ${where}`, [value]);
  return rows[0];
}

/**
 * Whether people may take the room to another category by themselves: nothing was posted that those of the one are to see and those
 * of the other are not, and what is on record is kept as long and as strictly there.
 */
export async function isFreeToMove(client: PoolClient, room: string, to: string): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT NOT EXISTS (SELECT FROM posts WHERE room = rooms.id)
       AND (there.compliance_required OR NOT here.compliance_required)
       AND (there.retention_days IS NULL OR there.retention_days >= here.retention_days) AS free
     FROM rooms JOIN categories here ON here.id = rooms.category, categories there
     WHERE rooms.id = $1 AND there.id = $2`,
    [room, to],
  );
  return rows[0]?.free === true;
}

export interface Entry {
  principal: Principal;
  role: RoomRole;
}

/** Those that are there already are passed over; resolves with the others. `invited`: who is told, by whom and when. */
export async function insertEntries(
  client: PoolClient,
  room: string,
  entries: readonly Entry[],
  { invited, by, at }: { invited: ReadonlySet<Principal>; by: string; at: string },
): Promise<Entry[]> {
  const { rows } = await client.query(
    `INSERT INTO room_access (room, principal, role, invited_by, invited_at)
     SELECT $1, e.principal, e.role, CASE WHEN e.invited THEN $5 END, CASE WHEN e.invited THEN $6::timestamptz END
     FROM unnest($2::text[], $3::text[], $4::boolean[]) AS e (principal, role, invited)
     ON CONFLICT DO NOTHING RETURNING principal, role`,
    [
      room,
      entries.map(({ principal }) => principal),
      entries.map(({ role }) => role),
      entries.map(({ principal }) => invited.has(principal)),
      by,
      at,
    ],
  );
  return rows;
}

export async function deleteEntries(
  client: PoolClient,
  room: string,
  entries: readonly Entry[],
): Promise<Entry[]> {
  const { rows } = await client.query(
    `DELETE FROM room_access a USING unnest($2::text[], $3::text[]) AS e (principal, role)
     WHERE a.room = $1 AND a.principal = e.principal AND a.role = e.role RETURNING a.principal, a.role`,
    [room, entries.map(({ principal }) => principal), entries.map(({ role }) => role)],
  );
  return rows;
}

/** The roles of these principals; none for those who have none. */
export async function selectRoles(
  client: PoolClient,
  room: string,
  principals: readonly Principal[],
): Promise<Map<Principal, RoomRole[]>> {
  const { rows } = await client.query(
    `SELECT principal, array_agg(role ORDER BY role) AS roles FROM room_access
     WHERE room = $1 AND principal = ANY($2::text[]) GROUP BY principal`,
    [room, principals],
  );
  return new Map(rows.map(({ principal, roles }) => [principal, roles]));
}

/** Every entry of a room, by principal. */
export async function selectEntries(client: PoolClient, room: string): Promise<Entry[]> {
  const { rows } = await client.query(
    'SELECT principal, role FROM room_access WHERE room = $1 ORDER BY principal',
    [room],
  );
  return rows;
}

/** Those of so many principals behind `after`. */
export async function selectEntriesOfPage(
  client: PoolClient,
  room: string,
  { after = '', limit }: Page,
): Promise<Entry[]> {
  const { rows } = await client.query(
    `SELECT principal, role FROM room_access WHERE room = $1 AND principal IN (
       SELECT DISTINCT principal FROM room_access WHERE room = $1 AND principal > $2 ORDER BY principal LIMIT $3)
     ORDER BY principal`,
    [room, after, limit ?? null],
  );
  return rows;
}

export async function hasManager(client: PoolClient, room: string): Promise<boolean> {
  const { rows } = await client.query(
    "SELECT EXISTS (SELECT 1 FROM room_access WHERE room = $1 AND role = 'manager') AS found",
    [room],
  );
  return rows[0].found;
}

/** Those of these principals that are entered in `max` rooms or more; counts no further. */
export async function selectFull(
  client: PoolClient,
  principals: readonly Principal[],
  max: number,
): Promise<Principal[]> {
  const { rows } = await client.query(
    `SELECT p AS principal FROM unnest($1::text[]) AS p WHERE $2::bigint <=
       (SELECT count(DISTINCT room) FROM (SELECT room FROM room_access WHERE principal = p LIMIT 3 * $2::bigint) AS entered)`,
    [principals, max],
  );
  return rows.map(({ principal }) => principal);
}
