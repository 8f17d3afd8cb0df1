import type { PoolClient } from 'pg';
import type { Topic } from '../chat.ts';
import type { KnownTopic } from './topic-index.ts';

const TOPIC = 'owner, name, words, author, mentions_owner AS "mentionsMe", rooms';

interface TopicRow {
  name: string;
  words: string;
  author: string | null;
  mentionsMe: boolean;
  rooms: string[] | null;
}

const toTopic = ({ name, words, author, mentionsMe, rooms }: TopicRow): Topic => ({
  name,
  ...(words !== '' && { words }),
  ...(author !== null && { author }),
  mentionsMe,
  ...(rooms !== null && { rooms }),
});

export async function selectTopics(client: PoolClient, owner: string): Promise<Topic[]> {
  const { rows } = await client.query(`SELECT ${TOPIC} FROM topics WHERE owner = $1 ORDER BY name`, [owner]);
  return rows.map(toTopic);
}

export async function selectTopic(
  client: PoolClient,
  owner: string,
  name: string,
): Promise<Topic | undefined> {
  const text = `SELECT ${TOPIC} FROM topics WHERE owner = $1 AND name = $2`;
  const { rows } = await client.query(text, [owner, name]);
  return rows[0] && toTopic(rows[0]);
}

/** Held until the transaction ends: two of the same user do not both count what was there before them. */
export async function lockOwner(client: PoolClient, owner: string): Promise<void> {
  await client.query("SELECT pg_advisory_xact_lock(hashtextextended('topics of ' || $1, 0))", [owner]);
}

export async function countOthers(client: PoolClient, owner: string, name: string): Promise<number> {
  const text = 'SELECT count(*)::int AS others FROM topics WHERE owner = $1 AND name <> $2';
  return (await client.query(text, [owner, name])).rows[0].others;
}

/** What the full-text search makes of these words. */
export async function lexemesIn(client: PoolClient, words: string): Promise<string[]> {
  const text = "SELECT tsvector_to_array(to_tsvector('simple', $1)) AS lexemes";
  return (await client.query(text, [words])).rows[0].lexemes;
}

export async function putTopic(client: PoolClient, owner: string, topic: Topic): Promise<void> {
  const { name, words = '', author = null, mentionsMe, rooms = null } = topic;
  await client.query(
    `INSERT INTO topics (owner, name, words, author, mentions_owner, rooms) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (owner, name) DO UPDATE SET words = excluded.words, author = excluded.author,
       mentions_owner = excluded.mentions_owner, rooms = excluded.rooms`,
    [owner, name, words, author, mentionsMe, rooms],
  );
}

/** False where there is none. */
export async function deleteTopic(client: PoolClient, owner: string, name: string): Promise<boolean> {
  const { rowCount } = await client.query('DELETE FROM topics WHERE owner = $1 AND name = $2', [owner, name]);
  return rowCount === 1;
}

const KNOWN = `SELECT ${TOPIC}, tsvector_to_array(to_tsvector('simple', words)) AS lexemes FROM topics`;

const toKnown = ({
  owner,
  name,
  lexemes,
  author,
  mentionsMe,
  rooms,
}: TopicRow & { owner: string; lexemes: string[] }): KnownTopic => ({
  ...{ owner, name, lexemes, mentionsMe },
  author: author ?? undefined,
  rooms: rooms ?? undefined,
});

export async function selectKnownOf(client: PoolClient, owners: readonly string[]): Promise<KnownTopic[]> {
  const { rows } = await client.query(`${KNOWN} WHERE owner = ANY($1::text[])`, [owners]);
  return rows.map(toKnown);
}

export const PAGE = 10_000;

/** A page of all there are, those after one of them. */
export async function selectKnown(
  client: PoolClient,
  after: { owner: string; name: string } = { owner: '', name: '' },
): Promise<KnownTopic[]> {
  const text = `${KNOWN} WHERE (owner, name) > ($1, $2) ORDER BY owner, name LIMIT ${PAGE}`;
  return (await client.query(text, [after.owner, after.name])).rows.map(toKnown);
}

export interface Match {
  room: string;
  seq: number;
  owner: string;
  name: string;
}

// The same expression as that of a search. LATERAL with LIMIT: never another plan than a look into the index for each.
const HELD = `
  SELECT k.at::int - 1 AS at
  FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[]) WITH ORDINALITY AS k (room, seq, owner, name, at)
  CROSS JOIN LATERAL (
    SELECT words FROM posts WHERE room = k.room AND seq = k.seq AND deleted_at IS NULL LIMIT 1
  ) AS p
  CROSS JOIN LATERAL (SELECT words FROM topics WHERE owner = k.owner AND name = k.name LIMIT 1) AS t
  WHERE t.words = '' OR p.words @@ plainto_tsquery('simple', t.words)`;

/** The places in the question of those where the post says what the topic asks for, and both are still there. */
export async function selectHeld(client: PoolClient, asked: readonly Match[]): Promise<Set<number>> {
  const values = [
    asked.map(({ room }) => room),
    asked.map(({ seq }) => seq),
    asked.map(({ owner }) => owner),
    asked.map(({ name }) => name),
  ];
  const { rows } = await client.query({ name: 'topics-held', text: HELD, values });
  return new Set(rows.map(({ at }) => at as number));
}

const PRESENT = `
  SELECT k.at::int - 1 AS at FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS k (room, member, at)
  WHERE EXISTS (SELECT FROM participants p WHERE p.room = k.room AND p.member = k.member)`;

/** The places in the question of those who are in the room at this moment. */
export async function selectPresent(
  client: PoolClient,
  asked: readonly { room: string; member: string }[],
): Promise<Set<number>> {
  const values = [asked.map(({ room }) => room), asked.map(({ member }) => member)];
  const { rows } = await client.query({ name: 'topics-present', text: PRESENT, values });
  return new Set(rows.map(({ at }) => at as number));
}
