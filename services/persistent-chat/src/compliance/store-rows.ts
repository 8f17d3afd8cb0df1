// Reads chains and their events, page by page: events are never changed, so that no long transaction is needed to see them as one.
import type { PoolClient } from 'pg';
import type { Database } from '../database/database.ts';

/** Where a chain begins and ends. */
export interface ChainRow {
  scope: string;
  name: string;
  seq: number;
  hash: Buffer;
  cutSeq: number;
  cutHash: Buffer;
  retentionDays: number | undefined;
  /** Of a category, not of a room. */
  isCategory: boolean;
}

export interface EventRow {
  scope: string;
  seq: number;
  at: Date;
  kind: string;
  by: string;
  /** Canonical JSON. */
  event: string;
  hash: Buffer;
}

const PAGE = 1000;
const PAGE_BYTES = 8 * 1024 * 1024;
const CHAIN = 'scope, name, seq, hash, cut_seq, cut_hash, retention_days, is_category';
const EVENT = 'scope, seq, at, kind, by, event, hash';

export async function chainOf(client: PoolClient, scope: string): Promise<ChainRow | undefined> {
  const { rows } = await client.query(`SELECT ${CHAIN} FROM chains WHERE scope = $1`, [scope]);
  return rows[0] && toChain(rows[0]);
}

/** The chains of rooms and categories that have this name now; ids are not looked for. */
export async function chainsNamed(client: PoolClient, name: string): Promise<ChainRow[]> {
  const { rows } = await client.query(`SELECT ${CHAIN} FROM chains WHERE lower(name) = lower($1) LIMIT 2`, [
    name,
  ]);
  return rows.map(toChain);
}

/** In the order of their ids, beginning after `after`. */
export async function chainPage(client: PoolClient, after: string | undefined): Promise<ChainRow[]> {
  const { rows } = await client.query(
    `SELECT ${CHAIN} FROM chains WHERE $1::uuid IS NULL OR scope > $1 ORDER BY scope LIMIT ${PAGE}`,
    [after ?? null],
  );
  return rows.map(toChain);
}

export async function* allChains(database: Database): AsyncGenerator<ChainRow> {
  for (let after: string | undefined; ; ) {
    const page = await database.use((client) => chainPage(client, after));
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.scope;
  }
}

/**
 * The first events of a scope with numbers above `after` and up to `to`, in their order: not more than a thousand, nor than some
 * megabytes. The same page each time: events are not changed.
 */
export async function eventPage(
  client: PoolClient,
  scope: string,
  after: number,
  to: number,
): Promise<EventRow[]> {
  const { rows } = await client.query(
    `SELECT ${EVENT} FROM (
       SELECT ${EVENT}, sum(octet_length(event)) OVER (ORDER BY seq) - octet_length(event) AS bytes_before
       FROM (SELECT ${EVENT} FROM events WHERE scope = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT ${PAGE}) AS first
     ) AS measured WHERE bytes_before < ${PAGE_BYTES} ORDER BY seq`,
    [scope, after, to],
  );
  return rows.map(toEvent);
}

export async function* eventsOf(
  database: Database,
  scope: string,
  after: number,
  to: number,
): AsyncGenerator<EventRow> {
  for (let last = after; last < to; ) {
    const page = await database.use((client) => eventPage(client, scope, last, to));
    yield* page;
    last = page.at(-1)?.seq ?? to;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: rows are what the query says.
type Row = any;

const toChain = (row: Row): ChainRow => ({
  scope: row.scope,
  name: row.name,
  seq: Number(row.seq),
  hash: row.hash,
  cutSeq: Number(row.cut_seq),
  cutHash: row.cut_hash,
  retentionDays: row.retention_days ?? undefined,
  isCategory: row.is_category,
});

export const toEvent = (row: Row): EventRow => ({
  scope: row.scope,
  seq: Number(row.seq),
  at: row.at,
  kind: row.kind,
  by: row.by,
  event: row.event,
  hash: row.hash,
});
