// What is known of files: the tables `files` and `file_blobs`.
import type { PoolClient } from 'pg';

/**
 * Posts that name the file, by the index of those that name any. Rooms are compared as text since PostgreSQL would else rather go
 * through all posts of the room, for each file.
 */
const NAMING = `posts.files <> '{}' AND posts.files @> ARRAY[files.id] AND posts.room::text = files.room::text`;

/** A post that nobody has deleted. */
const STANDING = `${NAMING} AND posts.deleted_at IS NULL`;

/** Who asks for files: $1 is the room, and these are $2 and $3. */
export interface Viewer {
  /** As files and participants name it. */
  name: string;
  /** History is for administrators everywhere. */
  admin: boolean;
}

/**
 * From when on the viewer is shown what is posted: always, or where the category keeps no history since it has joined the room. NULL:
 * it is not there.
 */
const SHOWN_FROM = `(
  SELECT CASE WHEN $3 OR categories.chat_history THEN '-infinity' ELSE (
    SELECT date_trunc('milliseconds', min(since)) FROM participants WHERE room = $1 AND member = $2
  ) END
  FROM rooms JOIN categories ON categories.id = rooms.category WHERE rooms.id = $1
)`;

/**
 * What was posted is shown with the posts that name it, and with none of them it is shown to nobody: it stays for those who keep
 * records, or is about to go. What was not posted yet is its uploader's own.
 */
const VISIBLE = `ready AND CASE
  WHEN posted THEN EXISTS (
    SELECT FROM posts WHERE ${STANDING} AND (posts.at >= ${SHOWN_FROM} OR files.uploaded_by = $2)
  )
  ELSE files.uploaded_by = $2
END`;

/** A file of a room, as people see it. */
export interface RoomFile {
  id: string;
  /** The room's id. */
  room: string;
  name: string;
  bytes: number;
  type: string;
  /** Hexadecimal. */
  sha256: string;
  by: string;
  /** RFC 3339. */
  at: string;
}

export type NewFile = Omit<RoomFile, 'at'>;

/** A row nobody sees yet; the content is under protection from now on, whether it was there or not. */
export async function insertPending(client: PoolClient, file: NewFile): Promise<void> {
  const { id, room, sha256, bytes, name, type, by } = file;
  await client.query(
    `INSERT INTO file_blobs (sha256, bytes) VALUES (decode($1, 'hex'), $2)
     ON CONFLICT (sha256) DO UPDATE SET at = now()`,
    [sha256, bytes],
  );
  await client.query(
    `INSERT INTO files (id, room, sha256, bytes, name, type, uploaded_by)
     VALUES ($1, $2, decode($3, 'hex'), $4, $5, $6, $7)`,
    [id, room, sha256, bytes, name, type, by],
  );
}

/** What was uploaded since a time, and is still kept: bytes, and in how many seconds the oldest of it counts no more. */
export interface Taken {
  bytes: number;
  seconds: number;
}

const TAKEN = (column: 'uploaded_by' | 'room') => `
  SELECT coalesce(sum(bytes), 0)::float8 AS bytes,
    coalesce(extract(epoch FROM min(at) + make_interval(hours => $2) - now()), 0)::float8 AS seconds
  FROM files WHERE ${column} = $1 AND at > now() - make_interval(hours => $2)`;

export async function takenByUser(client: PoolClient, name: string, hours: number): Promise<Taken> {
  return (await client.query(TAKEN('uploaded_by'), [name, hours])).rows[0];
}

export async function takenByRoom(client: PoolClient, room: string, hours: number): Promise<Taken> {
  return (await client.query(TAKEN('room'), [room, hours])).rows[0];
}

/** Kinds of advisory locks: the first of two numbers. */
const QUOTA_OF_USER = 5_071;
const QUOTA_OF_ROOM = 5_072;

/** Two uploads of one user, or into one room, do not both count what was there before them. In this order, so that none wait in a ring. */
export async function lockQuota(client: PoolClient, user: string, room: string): Promise<void> {
  const lock = 'SELECT pg_advisory_xact_lock($1::int, hashtext($2))';
  await client.query(lock, [QUOTA_OF_USER, user]);
  await client.query(lock, [QUOTA_OF_ROOM, room]);
}

/** Undefined where the room, and with it the row, is gone. */
export async function makeReady(client: PoolClient, id: string): Promise<RoomFile | undefined> {
  const { rows } = await client.query(
    `UPDATE files SET ready = true, at = now() WHERE id = $1 RETURNING ${COLUMNS}`,
    [id],
  );
  return rows[0] && fileOf(rows[0]);
}

export async function deletePending(client: PoolClient, id: string): Promise<void> {
  await client.query('DELETE FROM files WHERE id = $1 AND NOT ready', [id]);
}

export async function selectFile(
  client: PoolClient,
  room: string,
  id: string,
  viewer: Viewer,
): Promise<RoomFile | undefined> {
  const [file] = await selectFiles(client, room, [id], viewer);
  return file;
}

/** In the order of the ids; those that are not of the room, or not for the viewer, are left out. */
export async function selectFiles(
  client: PoolClient,
  room: string,
  ids: readonly string[],
  { name, admin }: Viewer,
): Promise<RoomFile[]> {
  const { rows } = await client.query(
    `SELECT ${COLUMNS} FROM files WHERE room = $1 AND id = ANY($4::uuid[]) AND ${VISIBLE}
     ORDER BY array_position($4::uuid[], id)`,
    [room, name, admin, ids],
  );
  return rows.map(fileOf);
}

/** The newest first; those before `before` where it is given. */
export async function selectNewest(
  client: PoolClient,
  room: string,
  { before, limit }: { before: string | undefined; limit: number },
  { name, admin }: Viewer,
): Promise<RoomFile[]> {
  const { rows } = await client.query(
    `SELECT ${COLUMNS} FROM files WHERE room = $1 AND ${VISIBLE}
       AND ($4::uuid IS NULL OR (at, id) < (SELECT at, id FROM files WHERE room = $1 AND id = $4 AND ready))
     ORDER BY at DESC, id DESC LIMIT $5`,
    [room, name, admin, before ?? null, limit],
  );
  return rows.map(fileOf);
}

/** Those of the ids that are no files of the room, or that the viewer is not shown; for posts that name them. */
export async function notOfRoom(
  client: PoolClient,
  room: string,
  ids: readonly string[],
  { name, admin }: Viewer,
): Promise<string[]> {
  const { rows } = await client.query(
    `SELECT asked.id FROM unnest($4::uuid[]) AS asked (id)
     WHERE NOT EXISTS (SELECT FROM files WHERE files.id = asked.id AND room = $1 AND ${VISIBLE})`,
    [room, name, admin, ids],
  );
  return rows.map(({ id }) => id);
}

/** Uploads that were never finished. Returns how many. */
export async function deleteAbandoned(client: PoolClient, hours: number): Promise<number> {
  const { rowCount } = await client.query(
    "DELETE FROM files WHERE NOT ready AND at < now() - $1 * interval '1 hour'",
    [hours],
  );
  return rowCount ?? 0;
}

export interface Ended {
  id: string;
  room: string;
  /** The room's. */
  category: string;
  /** Who has uploaded it and whose posts name it, in lower case: whom a legal hold may be on. */
  people: string[];
}

/**
 * Files whose time is over, in the order of rooms and ids: whose posts were purged, but for what another post that stands names, and
 * what was not posted within some hours, or as long as the category keeps anything.
 */
export async function selectEnded(
  client: PoolClient,
  { unpostedHours, after, limit }: { unpostedHours: number; after: Ended | undefined; limit: number },
): Promise<Ended[]> {
  const { rows } = await client.query(
    `SELECT files.id, files.room, rooms.category,
       ARRAY(SELECT DISTINCT lower(author) FROM posts WHERE ${NAMING}) || lower(files.uploaded_by) AS people
     FROM files JOIN rooms ON rooms.id = files.room JOIN categories ON categories.id = rooms.category
     WHERE ready AND NOT rooms.legal_hold AND (files.room, files.id) > ($2, $3) AND (
       purged AND NOT EXISTS (SELECT FROM posts WHERE ${STANDING})
       OR NOT posted
         AND files.at < now() - least(make_interval(hours => $1), make_interval(days => categories.retention_days))
     )
     ORDER BY files.room, files.id LIMIT $4`,
    [unpostedHours, after?.room ?? NO_UUID, after?.id ?? NO_UUID, limit],
  );
  return rows;
}

const NO_UUID = '00000000-0000-0000-0000-000000000000';

/**
 * Of one room: those that nobody has posted meanwhile, unless the room was put under a legal hold; that waits now for the end of the
 * transaction. What was purged is not kept for a while as other contents are.
 */
export async function deleteFiles(client: PoolClient, room: string, ids: readonly string[]): Promise<void> {
  const { rows } = await client.query('SELECT legal_hold FROM rooms WHERE id = $1 FOR SHARE', [room]);
  if (rows[0]?.legal_hold !== false) return;
  // In one order, whichever rooms have files of the same content: they are written below in any.
  await client.query(
    `SELECT FROM file_blobs WHERE sha256 IN (SELECT sha256 FROM files WHERE room = $1 AND id = ANY($2::uuid[]))
     ORDER BY sha256 FOR NO KEY UPDATE`,
    [room, ids],
  );
  await client.query(
    `WITH gone AS (
       DELETE FROM files WHERE room = $1 AND id = ANY($2::uuid[]) AND (purged OR NOT posted)
         AND NOT EXISTS (SELECT FROM posts WHERE ${STANDING})
       RETURNING sha256, purged
     )
     UPDATE file_blobs AS blob SET at = '-infinity' FROM gone
     WHERE blob.sha256 = gone.sha256 AND gone.purged
       AND NOT EXISTS (SELECT FROM files WHERE files.sha256 = blob.sha256 AND NOT files.id = ANY($2::uuid[]))`,
    [room, ids],
  );
}

/**
 * Takes a content to which nothing refers out of the tables, in a transaction that holds its row: whoever uploads the same waits
 * for the end of it. Returns its SHA-256; undefined where there is none.
 */
export async function takeUnused(client: PoolClient, hours: number): Promise<string | undefined> {
  const { rows } = await client.query(
    `DELETE FROM file_blobs WHERE sha256 IN (
       SELECT sha256 FROM file_blobs AS blob
       WHERE at < now() - $1 * interval '1 hour' AND NOT EXISTS (SELECT FROM files WHERE files.sha256 = blob.sha256)
       LIMIT 1 FOR UPDATE SKIP LOCKED
     ) RETURNING encode(sha256, 'hex') AS sha256`,
    [hours],
  );
  return rows[0]?.sha256;
}

const COLUMNS = `id, room, name, bytes, type, encode(sha256, 'hex') AS sha256, uploaded_by, at`;

interface Row {
  id: string;
  room: string;
  name: string;
  /** bigint comes as text. */
  bytes: string;
  type: string;
  sha256: string;
  uploaded_by: string;
  at: Date;
}

const fileOf = ({ uploaded_by, at, bytes, ...row }: Row): RoomFile => ({
  ...row,
  bytes: Number(bytes),
  by: uploaded_by,
  at: at.toISOString(),
});
