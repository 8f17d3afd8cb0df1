// What is known of files: the tables `files` and `file_blobs`.
import type { PoolClient } from 'pg';

/** Posts that name the file; the index is for those that name any. */
const NAMING = `posts.files <> '{}' AND posts.files @> ARRAY[files.id] AND posts.room = files.room`;

/** Whoever deletes a post takes its files back too: they stay for those who keep records, but nobody gets them any more. */
const VISIBLE = `ready AND (
  EXISTS (SELECT FROM posts WHERE ${NAMING} AND deleted_at IS NULL)
  OR NOT EXISTS (SELECT FROM posts WHERE ${NAMING})
)`;

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
): Promise<RoomFile | undefined> {
  const [file] = await selectFiles(client, room, [id]);
  return file;
}

/** In the order of the ids; those that are not of the room are left out. */
export async function selectFiles(
  client: PoolClient,
  room: string,
  ids: readonly string[],
): Promise<RoomFile[]> {
  const { rows } = await client.query(
    `SELECT ${COLUMNS} FROM files WHERE room = $1 AND id = ANY($2::uuid[]) AND ${VISIBLE}
     ORDER BY array_position($2::uuid[], id)`,
    [room, ids],
  );
  return rows.map(fileOf);
}

/** The newest first; those before `before` where it is given. */
export async function selectNewest(
  client: PoolClient,
  room: string,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<RoomFile[]> {
  const { rows } = await client.query(
    `SELECT ${COLUMNS} FROM files WHERE room = $1 AND ${VISIBLE}
       AND ($2::uuid IS NULL OR (at, id) < (SELECT at, id FROM files WHERE room = $1 AND id = $2 AND ready))
     ORDER BY at DESC, id DESC LIMIT $3`,
    [room, before ?? null, limit],
  );
  return rows.map(fileOf);
}

/** Those of the ids that are no files of the room; for posts that name them. */
export async function notOfRoom(client: PoolClient, room: string, ids: readonly string[]): Promise<string[]> {
  const { rows } = await client.query(
    `SELECT asked.id FROM unnest($2::uuid[]) AS asked (id)
     WHERE NOT EXISTS (SELECT FROM files WHERE files.id = asked.id AND room = $1 AND ${VISIBLE})`,
    [room, ids],
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

/** Files that no post names, in rooms whose category does not keep anything for so long. */
export async function selectExpired(client: PoolClient): Promise<{ id: string; room: string; by: string }[]> {
  const { rows } = await client.query(
    `SELECT files.id, files.room, files.uploaded_by AS by
     FROM files JOIN rooms ON rooms.id = files.room JOIN categories ON categories.id = rooms.category
     WHERE ready AND NOT rooms.legal_hold AND files.at < now() - make_interval(days => categories.retention_days)
       AND NOT EXISTS (SELECT FROM posts WHERE ${NAMING})
     ORDER BY files.room LIMIT 10000`,
  );
  return rows;
}

/** Those whose room was not put under a legal hold meanwhile. */
export async function deleteFiles(client: PoolClient, ids: readonly string[]): Promise<void> {
  await client.query(
    `DELETE FROM files WHERE id = ANY($1::uuid[])
       AND NOT EXISTS (SELECT FROM rooms WHERE rooms.id = files.room AND rooms.legal_hold)`,
    [ids],
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
