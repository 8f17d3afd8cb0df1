// The statements of a batch of posts: each is sent once for all of them.
import type { PoolClient } from 'pg';
import { POST_COLUMNS, type PostRow } from './post-rows.ts';

export interface PostKey {
  room: string;
  author: string;
  clientId: string;
}

// LATERAL with LIMIT: never another plan than one look into the index for each of them.
const KNOWN = `
  SELECT p.client_id AS "clientId", ${POST_COLUMNS}
  FROM unnest($1::uuid[], $2::text[], $3::text[]) AS k (room, author, client_id)
  CROSS JOIN LATERAL (
    SELECT * FROM posts WHERE room = k.room AND author = k.author AND client_id = k.client_id LIMIT 1
  ) AS p`;

/** Those that were stored before. */
export async function readKnown(
  client: PoolClient,
  keys: readonly PostKey[],
): Promise<(PostRow & { clientId: string })[]> {
  const values = [
    keys.map(({ room }) => room),
    keys.map(({ author }) => author),
    keys.map(({ clientId }) => clientId),
  ];
  return (await client.query({ name: 'known-posts', text: KNOWN, values })).rows;
}

const THREADS = `
  SELECT p.room, p.seq::float8 AS seq, p.thread::float8 AS thread
  FROM unnest($1::uuid[], $2::bigint[]) AS k (room, seq)
  CROSS JOIN LATERAL (
    SELECT * FROM posts WHERE room = k.room AND seq = k.seq AND deleted_at IS NULL LIMIT 1
  ) AS p`;

/** Posts that are answered to, with the thread that they are in themselves. */
export async function readThreads(
  client: PoolClient,
  posts: readonly { room: string; seq: number }[],
): Promise<{ room: string; seq: number; thread: number | null }[]> {
  const values = [posts.map(({ room }) => room), posts.map(({ seq }) => seq)];
  return (await client.query({ name: 'threads', text: THREADS, values })).rows;
}

export interface NewPost extends PostKey {
  seq: number;
  at: string;
  subject: string | undefined;
  body: string;
  thread: number | undefined;
  mentions: readonly string[];
  files: readonly string[];
}

const INSERT = `
  INSERT INTO posts (room, seq, author, at, client_id, subject, body, thread, mentions, files)
  SELECT room, seq, author, at, client_id, subject, body, thread, mentions::text[], files::uuid[]
  FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::bigint[],
    $9::text[], $10::text[]) AS post (room, seq, author, at, client_id, subject, body, thread, mentions, files)`;

export async function insertPosts(client: PoolClient, posts: readonly NewPost[]): Promise<void> {
  await client.query({
    name: 'insert-posts',
    text: INSERT,
    values: [
      posts.map(({ room }) => room),
      posts.map(({ seq }) => seq),
      posts.map(({ author }) => author),
      posts.map(({ at }) => at),
      posts.map(({ clientId }) => clientId),
      posts.map(({ subject }) => subject ?? null),
      posts.map(({ body }) => body),
      posts.map(({ thread }) => thread ?? null),
      posts.map(({ mentions }) => arrayLiteral(mentions)),
      posts.map(({ files }) => arrayLiteral(files)),
    ],
  });
}

/** An array within an array: as PostgreSQL writes it. */
const arrayLiteral = (texts: readonly string[]): string =>
  texts.length === 0 ? '{}' : `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
