// Up to where people have read, and what they have not.
import type { PoolClient } from 'pg';
import type { Access } from '../access/access.ts';
import { type Caller, ChatError, type Page } from '../chat.ts';

/** Counted no further. */
export const MAX_UNREAD = 1_000;

// Never back: another device may have read further.
const MARK = `
  INSERT INTO read_marks (member, room, seq) SELECT $1, id, least($3::bigint, last_seq) FROM rooms WHERE id = $2
  ON CONFLICT (member, room) DO UPDATE SET seq = excluded.seq, at = excluded.at WHERE read_marks.seq < excluded.seq
  RETURNING xmax = 0 AS "isNew"`;

const FORGET = `
  DELETE FROM read_marks WHERE member = $1 AND room IN (
    SELECT room FROM read_marks WHERE member = $1 ORDER BY at DESC, room OFFSET $2)`;

/** Of more marks than `most` those are forgotten that were moved longest ago. */
export async function markRead(
  client: PoolClient,
  member: string,
  room: string,
  seq: number,
  most: number,
): Promise<void> {
  const { rows } = await client.query({ name: 'mark-read', text: MARK, values: [member, room, seq] });
  if (rows[0]?.isNew) await client.query({ name: 'forget-marks', text: FORGET, values: [member, most] });
}

const UNREAD = `
  SELECT r.id AS room, of.unread::float8 AS unread, of.mentions::float8 AS mentions
  FROM rooms r LEFT JOIN read_marks m ON m.room = r.id AND m.member = $1
  CROSS JOIN LATERAL (
    SELECT count(*) AS unread, count(*) FILTER (WHERE mentions @> ARRAY[$1]) AS mentions FROM (
      SELECT mentions FROM posts p
      WHERE p.room = r.id AND p.seq > coalesce(m.seq, 0) AND p.author <> $1 AND p.deleted_at IS NULL
      ORDER BY p.seq DESC LIMIT ${MAX_UNREAD}
    ) AS newest
  ) AS of
  WHERE r.id IN (SELECT room FROM room_access WHERE principal = ANY($2) UNION SELECT room FROM read_marks WHERE member = $1)
    AND NOT r.disabled AND r.last_seq > coalesce(m.seq, 0) AND of.unread > 0 AND ($3::uuid IS NULL OR r.id > $3)
  ORDER BY r.id LIMIT $4`;

export interface Unread {
  room: string;
  unread: number;
  mentions: number;
}

/** Of rooms in which the member has a role, or has read something. `after`: the id of a room. */
export async function readUnread(
  client: PoolClient,
  member: string,
  principals: readonly string[],
  { after, limit }: Page,
): Promise<Unread[]> {
  const values = [member, principals, after ?? null, limit ?? null];
  return (await client.query({ name: 'unread', text: UNREAD, values })).rows;
}

const UNREAD_OF_EACH = `
  SELECT k.room, k.member, of.unread::float8 AS unread
  FROM unnest($1::uuid[], $2::text[]) AS k (room, member)
  LEFT JOIN read_marks m ON m.room = k.room AND m.member = k.member
  CROSS JOIN LATERAL (
    SELECT count(*) AS unread FROM (
      SELECT 1 FROM posts p
      WHERE p.room = k.room AND p.seq > coalesce(m.seq, 0) AND p.author <> k.member AND p.deleted_at IS NULL
      LIMIT ${MAX_UNREAD}
    ) AS posted
  ) AS of`;

/** Unread posts of members of rooms, in the order of the question. */
export async function countUnread(
  client: PoolClient,
  members: readonly { room: string; member: string }[],
): Promise<number[]> {
  const values = [members.map(({ room }) => room), members.map(({ member }) => member)];
  const { rows } = await client.query({ name: 'unread-of-each', text: UNREAD_OF_EACH, values });
  const counts = new Map(rows.map(({ room, member, unread }) => [`${room} ${member}`, unread as number]));
  return members.map(({ room, member }) => counts.get(`${room} ${member}`) ?? 0);
}

/** Those that the caller may read now. */
export async function onlyReadable(
  access: Pick<Access, 'standing'>,
  caller: Caller,
  rooms: readonly Unread[],
): Promise<Unread[]> {
  const read = await Promise.all(
    rooms.map(async ({ room }) => {
      try {
        return (await access.standing(caller, room)).mayRead;
      } catch (error) {
        if (error instanceof ChatError && error.code === 'not-found') return false;
        throw error;
      }
    }),
  );
  return rooms.filter((_, at) => read[at]);
}
