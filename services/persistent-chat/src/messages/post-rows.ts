// Posts as they are read from the database.
import type { PoolClient } from 'pg';
import type { Post } from '../chat.ts';

/** Of `posts` as `p`. */
export const POST_COLUMNS = `
  p.room, p.seq::float8 AS seq, p.author, p.at, p.subject, p.body, p.thread::float8 AS thread, p.mentions, p.files,
  p.edited_at AS "editedAt", p.deleted_at AS "deletedAt"`;

/** The same with what others made of it: an array of { reaction, by }, or null. */
export const POST_WITH_REACTIONS = `${POST_COLUMNS}, (
    SELECT json_agg(json_build_object('reaction', made.reaction, 'by', made.by) ORDER BY made.reaction) FROM (
      SELECT reaction, array_agg(member ORDER BY member) AS by FROM reactions r
      WHERE r.room = p.room AND r.seq = p.seq GROUP BY reaction
    ) AS made
  ) AS reactions`;

export interface PostRow {
  room: string;
  seq: number;
  author: string;
  at: Date;
  subject: string | null;
  body: string;
  thread: number | null;
  mentions: string[];
  files: string[];
  editedAt: Date | null;
  deletedAt: Date | null;
  reactions?: Post['reactions'] | null;
}

export function toPost(row: PostRow): Post {
  const { room, seq, author, at, subject, body, thread, mentions, files, editedAt, deletedAt, reactions } =
    row;
  return {
    ...{ room, seq, by: author, at: at.toISOString() },
    ...(subject !== null && { subject }),
    body,
    ...(thread !== null && { thread }),
    mentions,
    // Nothing of a deleted post is shown; the files themselves are kept with it.
    files: deletedAt === null ? files : [],
    ...(editedAt !== null && { editedAt: editedAt.toISOString() }),
    ...(deletedAt !== null && { deletedAt: deletedAt.toISOString() }),
    reactions: reactions ?? [],
  };
}

const READ_ONE = `SELECT ${POST_WITH_REACTIONS} FROM posts p WHERE room = $1 AND seq = $2`;

export async function readPost(client: PoolClient, room: string, seq: number): Promise<Post | undefined> {
  const { rows } = await client.query({ name: 'read-post', text: READ_ONE, values: [room, seq] });
  return rows[0] && toPost(rows[0]);
}
