// What is stored and not yet known to be in the queue.
import type { ChatEvent } from '@linchpin/proto/chat-events';
import type { PoolClient } from 'pg';

/** Events of one scope with numbers that follow on each other. */
export interface Run {
  scope: string;
  first: number;
  last: number;
  /** JSON: an array of events. This is what is published. */
  text: string;
}

/** Where a scope's numbers are now. */
export interface Moved {
  id: string;
  last: number;
  kind: 'room' | 'category';
}

const STORE = `
  WITH stored AS (
    INSERT INTO outbox (scope, first, last, pod, events)
    SELECT scope, first, last, $1, events
    FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::text[]) AS run (scope, first, last, events)
  ), moved AS (
    UPDATE categories SET last_seq = now.last
    FROM unnest($6::uuid[], $7::bigint[]) AS now (id, last) WHERE categories.id = now.id
  )
  UPDATE rooms SET last_seq = now.last
  FROM unnest($8::uuid[], $9::bigint[]) AS now (id, last) WHERE rooms.id = now.id`;

export async function storeRuns(
  client: PoolClient,
  pod: string,
  runs: readonly Run[],
  moved: readonly Moved[],
): Promise<void> {
  const [categories, rooms] = [
    moved.filter(({ kind }) => kind === 'category'),
    moved.filter(({ kind }) => kind === 'room'),
  ];
  await client.query({
    name: 'store-events',
    text: STORE,
    values: [
      pod,
      runs.map(({ scope }) => scope),
      runs.map(({ first }) => first),
      runs.map(({ last }) => last),
      runs.map(({ text }) => text),
      categories.map(({ id }) => id),
      categories.map(({ last }) => last),
      rooms.map(({ id }) => id),
      rooms.map(({ last }) => last),
    ],
  });
}

// Should the server fail before this is on its disk, the rows are published once more, which the queue notices.
const REMOVE = `
  WITH lazily AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
  DELETE FROM outbox USING lazily, unnest($1::uuid[], $2::bigint[]) AS done (scope, first)
  WHERE outbox.scope = done.scope AND outbox.first = done.first`;

/** The queue has acknowledged them. */
export async function removeRuns(client: PoolClient, runs: readonly Run[]): Promise<void> {
  await client.query({
    name: 'remove-events',
    text: REMOVE,
    values: [runs.map(({ scope }) => scope), runs.map(({ first }) => first)],
  });
}

export interface Place {
  scope: string;
  first: number;
}

export const BEGINNING: Place = { scope: '00000000-0000-0000-0000-000000000000', first: 0 };

const TAKE = `
  SELECT scope, first::float8, last::float8, events AS text FROM outbox
  WHERE (scope, first) > ($1::uuid, $2::bigint) AND stored_at < now() - make_interval(secs => $3)
  ORDER BY scope, first LIMIT $4 FOR UPDATE SKIP LOCKED`;

/** Runs that were stored more than `seconds` ago and that nobody else has taken, in their order, from `after` on. */
export async function takeRuns(
  client: PoolClient,
  after: Place,
  { seconds, limit }: { seconds: number; limit: number },
): Promise<Run[]> {
  const values = [after.scope, after.first, seconds, limit];
  return (await client.query({ name: 'take-events', text: TAKE, values })).rows;
}

const AGE = `
  SELECT coalesce(extract(epoch FROM now() - coalesce(
    (SELECT stored_at FROM outbox WHERE stored_at < now() - make_interval(secs => $1) LIMIT 1),
    (SELECT min(stored_at) FROM outbox))), 0)::float8 AS seconds`;

/**
 * How many seconds the oldest run waits; 0 where none does. Where one waits longer than `enough`, it is the age of such a one, and
 * not of all of them the oldest: after a long time without the queue there are many.
 */
export async function oldestSeconds(client: PoolClient, enough: number): Promise<number> {
  return (await client.query({ name: 'age-of-events', text: AGE, values: [enough] })).rows[0].seconds;
}

const READ = `
  SELECT events FROM outbox WHERE scope = $1 AND last > $2 AND first <= $3 ORDER BY first`;

/** Events of a scope that are still waiting, with numbers after `after` and up to `upTo`. */
export async function readWaiting(
  client: PoolClient,
  scope: string,
  after: number,
  upTo: number,
): Promise<ChatEvent[]> {
  const { rows } = await client.query({ name: 'read-events', text: READ, values: [scope, after, upTo] });
  return rows
    .flatMap(({ events }) => JSON.parse(events) as ChatEvent[])
    .filter(({ seq }) => seq > after && seq <= upTo);
}
