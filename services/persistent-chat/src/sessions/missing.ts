// Events that did not come: what is in the tables is read there, what is in the outbox is read there. Of others nobody can say
// any more what they were: reactions, joins and parts, and what only compliance is told.
import type { ChatEvent, PostEvent } from '@linchpin/proto/chat-events';
import type { PoolClient } from 'pg';
import type { Journal } from '../journal/journal.ts';
import type { Gap } from './ordered.ts';

export async function readMissing(
  client: PoolClient,
  journal: Pick<Journal, 'waiting'>,
  room: string,
  { after, upTo }: Gap,
): Promise<ChatEvent[]> {
  const posts = await client.query({ name: 'missing-posts', text: POSTS, values: [room, after, upTo] });
  const changes = await client.query({ name: 'missing-changes', text: CHANGES, values: [room, after, upTo] });
  const waiting = await journal.waiting(client, room, after, upTo);
  // What waits is as it was told; the tables say what became of it since.
  return [...posts.rows.map(postEvent), ...changes.rows.map(changeEvent), ...waiting];
}

const POSTS = `
  SELECT room, seq::float8 AS seq, author, at, client_id, subject, body, thread::float8 AS thread, mentions, files
  FROM posts WHERE room = $1 AND seq > $2 AND seq <= $3`;

// What a version was changed to: the next version, or what the post says now.
const CHANGES = `
  SELECT v.room, v.event_seq::float8 AS seq, v.seq::float8 AS post, v.until AS at, v.changed_by,
    CASE WHEN n.seq IS NULL THEN p.subject ELSE n.subject END AS subject,
    CASE WHEN n.seq IS NULL THEN p.body ELSE n.body END AS body,
    n.seq IS NULL AND p.deleted_at IS NOT NULL AS deleted
  FROM post_versions v JOIN posts p USING (room, seq)
  LEFT JOIN post_versions n ON n.room = v.room AND n.seq = v.seq AND n.version = v.version + 1
  WHERE v.room = $1 AND v.event_seq > $2 AND v.event_seq <= $3`;

interface PostRow {
  room: string;
  seq: number;
  author: string;
  at: Date;
  client_id: string;
  subject: string | null;
  body: string;
  thread: number | null;
  mentions: string[];
  files: string[];
}

function postEvent({ room, seq, author, at, client_id, subject, thread, ...rest }: PostRow): PostEvent {
  return {
    ...{ scope: room, seq, at: at.toISOString(), kind: 'post', by: author, clientId: client_id },
    ...(subject !== null && { subject }),
    ...(thread !== null && { thread }),
    ...rest,
  };
}

interface ChangeRow {
  room: string;
  seq: number;
  post: number;
  at: Date;
  changed_by: string;
  subject: string | null;
  body: string;
  deleted: boolean;
}

function changeEvent({ room, seq, post, at, changed_by, subject, body, deleted }: ChangeRow): ChatEvent {
  const happened = { scope: room, seq, at: at.toISOString(), by: changed_by, post };
  // Sessions are not told what was there before.
  const before = { body: '' };
  if (deleted) return { ...happened, kind: 'delete', before };
  return { ...happened, kind: 'edit', ...(subject !== null && { subject }), body, before };
}
