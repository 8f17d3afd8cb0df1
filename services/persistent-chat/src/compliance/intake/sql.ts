import type { PoolClient } from 'pg';
import type { Arrival } from '../event.ts';

/** Where a chain ends. */
export interface Chain {
  scope: string;
  name: string;
  seq: number;
  hash: Buffer;
  cutSeq: number;
  changed: boolean;
}

export interface Linked extends Arrival {
  hash: Buffer;
}

type Numbered = Pick<Arrival, 'scope' | 'seq'>;

const EARLY_PAGE = 1000;

/** Makes the chains that are new, and locks all. */
export async function lockChains(client: PoolClient, scopes: readonly string[]): Promise<Map<string, Chain>> {
  const sorted = [...scopes].sort();
  await client.query('INSERT INTO chains (scope) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING', [sorted]);
  const { rows } = await client.query(
    'SELECT scope, name, seq, hash, cut_seq FROM chains WHERE scope = ANY($1::uuid[]) ORDER BY scope FOR UPDATE',
    [sorted],
  );
  return new Map(
    rows.map(({ scope, name, seq, hash, cut_seq }) => [
      scope,
      { scope, name, seq: Number(seq), hash, cutSeq: Number(cut_seq), changed: false },
    ]),
  );
}

export async function updateChains(client: PoolClient, chains: readonly Chain[]): Promise<void> {
  if (chains.length === 0) return;
  await client.query(
    `UPDATE chains c SET seq = n.seq, hash = n.hash, name = n.name
     FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::text[]) AS n (scope, seq, hash, name)
     WHERE c.scope = n.scope`,
    [
      chains.map(({ scope }) => scope),
      chains.map(({ seq }) => seq),
      chains.map(({ hash }) => hash),
      chains.map(({ name }) => name),
    ],
  );
}

/** Triggers note which room has been in which category, and which chains are those of categories. */
export async function insertEvents(client: PoolClient, events: readonly Linked[]): Promise<void> {
  if (events.length === 0) return;
  await client.query(
    `INSERT INTO events (scope, seq, at, kind, by, event, hash)
     SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::bytea[])`,
    [
      events.map(({ scope }) => scope),
      events.map(({ seq }) => seq),
      events.map(({ at }) => at),
      events.map(({ kind }) => kind),
      events.map(({ by }) => by),
      events.map(({ text }) => text),
      events.map(({ hash }) => hash),
    ],
  );
}

/** By `<scope>/<seq>`. */
export async function eventTexts(
  client: PoolClient,
  events: readonly Numbered[],
): Promise<Map<string, string>> {
  if (events.length === 0) return new Map();
  const { rows } = await client.query(
    `SELECT e.scope, e.seq, e.event FROM unnest($1::uuid[], $2::bigint[]) AS n (scope, seq)
     JOIN events e ON e.scope = n.scope AND e.seq = n.seq`,
    numbers(events),
  );
  return new Map(rows.map(({ scope, seq, event }) => [`${scope}/${seq}`, event]));
}

/** The texts of some events that follow the heads of these chains, in the order of scopes and numbers. */
export async function earlyAfter(client: PoolClient, chains: readonly Chain[]): Promise<string[]> {
  const { rows } = await client.query(
    `SELECT e.event FROM unnest($1::uuid[], $2::bigint[]) AS n (scope, seq)
     CROSS JOIN LATERAL (
       SELECT scope, seq, event FROM early_events
       WHERE scope = n.scope AND seq > n.seq AND seq <= n.seq + ${EARLY_PAGE} ORDER BY seq
     ) e
     WHERE EXISTS (SELECT FROM early_events f WHERE f.scope = n.scope AND f.seq = n.seq + 1)
     ORDER BY e.scope, e.seq LIMIT ${EARLY_PAGE * 10}`,
    numbers(chains),
  );
  return rows.map(({ event }) => event);
}

/** Resolves with those for which another event is kept under their number. */
export async function insertEarly(client: PoolClient, events: readonly Arrival[]): Promise<Numbered[]> {
  if (events.length === 0) return [];
  const values = [...numbers(events), events.map(({ text }) => text)];
  await client.query(
    `INSERT INTO early_events (scope, seq, event) SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[])
     ON CONFLICT DO NOTHING`,
    values,
  );
  const { rows } = await client.query(
    `SELECT e.scope, e.seq FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS n (scope, seq, event)
     JOIN early_events e ON e.scope = n.scope AND e.seq = n.seq WHERE e.event <> n.event`,
    values,
  );
  return rows.map(({ scope, seq }) => ({ scope, seq: Number(seq) }));
}

/** Those that are in their chains now need not be kept; resolves with the texts of those that say something else than the chain. */
export async function dropEarly(client: PoolClient, chains: readonly Chain[]): Promise<string[]> {
  const { rows } = await client.query(
    `WITH dropped AS (
       DELETE FROM early_events e USING unnest($1::uuid[], $2::bigint[]) AS n (scope, seq)
       WHERE e.scope = n.scope AND e.seq <= n.seq RETURNING e.scope, e.seq, e.event
     )
     SELECT d.event FROM dropped d LEFT JOIN events e ON e.scope = d.scope AND e.seq = d.seq
     WHERE e.event IS DISTINCT FROM d.event`,
    numbers(chains),
  );
  return rows.map(({ event }) => event);
}

/** Keeps what cannot be stored, for people to look at. */
export async function insertRefused(
  client: PoolClient,
  { why, subject, payload, digest }: { why: string; subject: string; payload: Uint8Array; digest: Buffer },
): Promise<void> {
  await client.query(
    'INSERT INTO refused (why, subject, payload, digest) VALUES ($1, $2, $3, $4) ON CONFLICT (digest) DO NOTHING',
    [why, subject, Buffer.from(payload), digest],
  );
}

const numbers = (events: readonly Numbered[]): [string[], number[]] => [
  events.map(({ scope }) => scope),
  events.map(({ seq }) => seq),
];
