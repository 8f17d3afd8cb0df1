// Deletes events whose time is over, at the front of their chains only: what is left still follows from the hash at the cut.
import type { Logger } from '@linchpin/host';
import type { PoolClient } from 'pg';
import { ChatError } from '../chat.ts';
import type { Database } from '../database/database.ts';
import { audited } from './audit.ts';
import { heldIn, LOCK_TO_ASK } from './holds.ts';
import { daysSaid } from './kept-days.ts';
import { LOCK } from './locks.ts';
import { allChains, type ChainRow, chainOf } from './store-rows.ts';
import type { ComplianceTelemetry } from './telemetry.ts';

/** What the category of a room says now. */
export interface ScopePolicy {
  /** Undefined: for good. */
  retentionDays: number | undefined;
  /** The room itself is held. */
  legalHold: boolean;
  /** That the room is in; undefined of a category. */
  category: string | undefined;
}

export interface RetentionParts {
  database: Database;
  /** Of rooms and categories that are known; those that are not, because they were deleted, keep what was said of them last. */
  policies(scopes: readonly string[]): Promise<ReadonlyMap<string, ScopePolicy>>;
  /** Their marks are not cut past. */
  adapters: readonly string[];
  telemetry: ComplianceTelemetry;
  log: Logger;
}

const PAGE = 500;
/** Deleted in one transaction. */
const CUT_EVENTS = 10_000;

/** Goes over all chains; resolves with how many events are gone. Another pod does it at this moment: 0. */
export async function applyRetention(parts: RetentionParts, signal?: AbortSignal): Promise<number> {
  let total = 0;
  let page: ChainRow[] = [];
  for await (const chain of allChains(parts.database)) {
    page.push(chain);
    if (page.length < PAGE) continue;
    total += await applyTo(parts, page, signal);
    page = [];
  }
  return total + (await applyTo(parts, page, signal));
}

async function applyTo(parts: RetentionParts, chains: ChainRow[], signal?: AbortSignal): Promise<number> {
  if (chains.length === 0) return 0;
  const policies = await parts.policies(chains.map(({ scope }) => scope));
  const wanted: { scope: string; days: number }[] = [];
  for (const chain of chains) {
    // What rooms were kept for, and who was allowed in them, stays: their own chains are judged by it.
    const policy = policies.get(chain.scope);
    if (chain.isCategory || (policy !== undefined && policy.category === undefined)) continue;
    const days = policy === undefined ? chain.retentionDays : policy.retentionDays;
    if (days !== chain.retentionDays) await remember(parts.database, chain.scope, days);
    if (days !== undefined && !policy?.legalHold) wanted.push({ scope: chain.scope, days });
  }
  let total = 0;
  for (const scope of await withOldEvents(parts.database, wanted)) {
    if (signal?.aborted) break;
    total += await cutAll(parts, scope).catch((error) => tellOf(parts, scope, error));
  }
  return total;
}

/** Those whose first event is old: most have none, and need not be locked to see that. */
async function withOldEvents(
  database: Database,
  scopes: readonly { scope: string; days: number }[],
): Promise<string[]> {
  if (scopes.length === 0) return [];
  const { rows } = await database.use((client) =>
    client.query(
      `SELECT n.scope FROM unnest($1::uuid[], $2::int[]) AS n (scope, days)
       JOIN chains c ON c.scope = n.scope JOIN events e ON e.scope = c.scope AND e.seq = c.cut_seq + 1
       WHERE e.at < now() - make_interval(days => n.days)`,
      [scopes.map(({ scope }) => scope), scopes.map(({ days }) => days)],
    ),
  );
  return rows.map(({ scope }) => scope);
}

/** A chain that is not whole must not keep the others from being cut. */
function tellOf({ log }: RetentionParts, scope: string, error: unknown): number {
  if (error instanceof ChatError) throw error;
  log.error({ err: error, scope }, 'retention leaves this chain as it is');
  return 0;
}

async function cutAll(parts: RetentionParts, scope: string): Promise<number> {
  for (let total = 0; ; ) {
    const gone = await parts.database.transaction((client) => cut(client, parts, scope));
    total += gone;
    parts.telemetry.cut.inc(gone);
    if (gone > 0) parts.log.info({ scope, events: gone }, 'events were deleted, their time is over');
    if (gone < CUT_EVENTS) return total;
  }
}

async function cut(client: PoolClient, parts: RetentionParts, scope: string): Promise<number> {
  if (!(await isOurs(client))) return 0;
  // A hold that is placed now waits until this is over, or this waits for it and sees it.
  await client.query(LOCK_TO_ASK);
  await client.query('SELECT FROM chains WHERE scope = $1 FOR UPDATE', [scope]);
  const chain = await chainOf(client, scope);
  // Under the lock once more: whoever holds the room itself waits for the end of this too.
  const policy = (await parts.policies([scope])).get(scope);
  const days = policy === undefined ? chain?.retentionDays : policy.retentionDays;
  const held = await heldIn(client, scope, policy?.category);
  if (chain === undefined || days === undefined || policy?.legalHold || held.all) return 0;
  if (!(await isSaid(client, parts, scope, days))) return 0;
  const to = await lastToGo(client, chain, days, held.subjects, parts.adapters);
  if (to <= chain.cutSeq) return 0;
  return cutTo(client, chain, to, days);
}

const isOurs = async (client: PoolClient): Promise<boolean> =>
  (await client.query('SELECT pg_try_advisory_xact_lock($1) AS ours', [LOCK.retention])).rows[0].ours;

/** Only by what a category has said on record is anything deleted: that may be on its way yet, or not be what was said. */
async function isSaid(
  client: PoolClient,
  { log }: RetentionParts,
  scope: string,
  days: number,
): Promise<boolean> {
  const said = await daysSaid(client, scope);
  if (said === undefined || said.has(days)) return true;
  log.warn({ scope, days }, 'retention waits: no category of this room is known to have said so many days');
  return false;
}

/** The last number before the first event that has to stay. */
async function lastToGo(
  client: PoolClient,
  chain: ChainRow,
  days: number,
  subjects: readonly string[],
  adapters: readonly string[],
): Promise<number> {
  const limit = Math.min(chain.seq, chain.cutSeq + CUT_EVENTS, await leastMark(client, chain, adapters));
  // A name stands in an event as a whole JSON string, whoever did what it tells of.
  const names = subjects.map((subject) => JSON.stringify(subject));
  const { rows } = await client.query(
    `SELECT min(seq) AS stays FROM events WHERE scope = $1 AND seq > $2 AND seq <= $3
     AND (at >= now() - make_interval(days => $4)
       OR EXISTS (SELECT FROM unnest($5::text[]) AS name WHERE position(name IN lower(event)) > 0))`,
    [chain.scope, chain.cutSeq, limit, days, names],
  );
  const stays = rows[0].stays;
  return stays === null ? limit : Number(stays) - 1;
}

/** Up to where all adapters have written. */
async function leastMark(client: PoolClient, chain: ChainRow, adapters: readonly string[]): Promise<number> {
  if (adapters.length === 0) return chain.seq;
  const { rows } = await client.query(
    'SELECT count(*)::int AS count, min(seq) AS least FROM adapter_marks WHERE scope = $1 AND adapter = ANY($2)',
    [chain.scope, adapters],
  );
  return rows[0].count < adapters.length ? 0 : Number(rows[0].least);
}

async function cutTo(client: PoolClient, chain: ChainRow, to: number, days: number): Promise<number> {
  const { scope, cutSeq } = chain;
  const { rows } = await client.query('SELECT hash FROM events WHERE scope = $1 AND seq = $2', [scope, to]);
  // It is not there: somebody took it out, and a cut would hide that.
  if (rows.length === 0) return 0;
  const deleted = await client.query('DELETE FROM events WHERE scope = $1 AND seq > $2 AND seq <= $3', [
    scope,
    cutSeq,
    to,
  ]);
  if (deleted.rowCount !== to - cutSeq)
    throw new Error(`events of ${scope} up to ${to} are missing: nothing is cut`);
  await client.query('UPDATE chains SET cut_seq = $2, cut_hash = $3 WHERE scope = $1', [
    scope,
    to,
    rows[0].hash,
  ]);
  const hash = rows[0].hash.toString('hex');
  await audited(client, 'retention', 'retention', { scope, days, first: cutSeq + 1, last: to, hash });
  return to - cutSeq;
}

const remember = (database: Database, scope: string, days: number | undefined) =>
  database.use((client) =>
    client.query('UPDATE chains SET retention_days = $2 WHERE scope = $1', [scope, days ?? null]),
  );
