// Who is in which room, by pod.
import type { PoolClient } from 'pg';
import type { Participant } from '../chat.ts';

export interface Place {
  room: string;
  member: string;
}
export interface PlaceOnPod extends Place {
  pod: string;
}

const columns = (places: readonly PlaceOnPod[]) => [
  places.map(({ room }) => room),
  places.map(({ member }) => member),
  places.map(({ pod }) => pod),
];

const PRESENT = `
  SELECT p.room, p.member, p.pod FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[])) AS k (room, member)
  JOIN participants p USING (room, member)`;

/** On which pods these are. */
export async function readPresent(client: PoolClient, places: readonly Place[]): Promise<PlaceOnPod[]> {
  const values = [places.map(({ room }) => room), places.map(({ member }) => member)];
  return (await client.query({ name: 'present', text: PRESENT, values })).rows;
}

const ENTER = `
  INSERT INTO participants (room, member, pod)
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING`;
const LEAVE = `
  DELETE FROM participants p USING unnest($1::uuid[], $2::text[], $3::text[]) AS k (room, member, pod)
  WHERE p.room = k.room AND p.member = k.member AND p.pod = k.pod`;

export async function enter(client: PoolClient, places: readonly PlaceOnPod[]): Promise<void> {
  if (places.length > 0) await client.query({ name: 'enter', text: ENTER, values: columns(places) });
}

export async function leave(client: PoolClient, places: readonly PlaceOnPod[]): Promise<void> {
  if (places.length > 0) await client.query({ name: 'leave', text: LEAVE, values: columns(places) });
}

export interface Attendance {
  /** People, on however many pods. */
  count: number;
  /** Undefined where there are more than the limit. */
  roster: Participant[] | undefined;
}

const ATTENDANCE = `
  SELECT r.id AS room, c.count::float8 AS count, CASE WHEN c.count <= $2 THEN (
    SELECT coalesce(json_agg(json_build_object('name', member, 'since', since) ORDER BY member), '[]') FROM (
      SELECT member, to_char(min(since) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS since
      FROM participants WHERE room = r.id GROUP BY member
    ) AS people
  ) END AS roster
  FROM unnest($1::uuid[]) AS r (id)
  CROSS JOIN LATERAL (SELECT count(DISTINCT member) FROM participants WHERE room = r.id) AS c`;

export async function readAttendance(
  client: PoolClient,
  rooms: readonly string[],
  limit: number,
): Promise<Map<string, Attendance>> {
  const { rows } = await client.query({ name: 'attendance', text: ATTENDANCE, values: [rooms, limit] });
  return new Map(rows.map(({ room, count, roster }) => [room, { count, roster: roster ?? undefined }]));
}

/** Of a pod, in some rooms. */
export async function readInRooms(
  client: PoolClient,
  pod: string,
  rooms: readonly string[],
): Promise<Place[]> {
  const text = 'SELECT room, member FROM participants WHERE room = ANY($1::uuid[]) AND pod = $2';
  return (await client.query({ name: 'participants-in', text, values: [rooms, pod] })).rows;
}

/** Of a pod, in others than these rooms; some of them. */
export async function readOfPod(
  client: PoolClient,
  pod: string,
  limit: number,
  except: readonly string[] = [],
): Promise<Place[]> {
  const text = 'SELECT room, member FROM participants WHERE pod = $1 AND room <> ALL($3::uuid[]) LIMIT $2';
  return (await client.query(text, [pod, limit, except])).rows;
}

// From each pod to the next one in the index: there are a few, and a million rows or more.
const PODS = `
  WITH RECURSIVE pods AS (
    (SELECT pod FROM participants ORDER BY pod LIMIT 1)
    UNION ALL
    SELECT (SELECT p.pod FROM participants p WHERE p.pod > pods.pod ORDER BY p.pod LIMIT 1) FROM pods WHERE pods.pod IS NOT NULL
  )
  SELECT pod FROM pods WHERE pod IS NOT NULL`;

export async function readPods(client: PoolClient): Promise<string[]> {
  const { rows } = await client.query({ name: 'pods', text: PODS });
  return rows.map(({ pod }) => pod as string);
}
