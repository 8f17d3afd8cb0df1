// Puts what came from the queue into the chains of its scopes, in one transaction.
import type { PoolClient } from 'pg';
import { link } from '../chain.ts';
import { type Arrival, fromText } from '../event.ts';
import * as sql from './sql.ts';

/** What became of a batch. */
export interface Stored {
  stored: number;
  doubles: number;
  early: number;
  /** Their number has another event, or had one that is not there any more. */
  conflicts: Arrival[];
}

/**
 * Every event that follows its chain is appended, what comes too early is kept until its predecessor is there, what is there
 * already is left out. The rows of `chains` are locked in the order of the scopes: pods that have events of the same scopes do
 * one after the other.
 */
export async function store(client: PoolClient, arrivals: readonly Arrival[]): Promise<Stored> {
  const result: Stored = { stored: 0, doubles: 0, early: 0, conflicts: [] };
  const { events, differing } = distinct(arrivals);
  result.conflicts.push(...differing);
  result.doubles = arrivals.length - events.length - differing.length;
  const chains = await sql.lockChains(client, [...new Set(events.map(({ scope }) => scope))]);
  const late = events.filter(({ scope, seq }) => seq <= headOf(chains, scope).seq);
  await compareLate(client, late, chains, result);
  const appended = appendable(events, chains);
  const early = events.filter(({ scope, seq }) => seq > headOf(chains, scope).seq);
  await sql.insertEvents(client, appended);
  // Before those that wait are looked at: what is missing between two that wait may be in this batch.
  await keepEarly(client, early, result);
  result.stored = appended.length + (await appendEarly(client, chains));
  result.conflicts.push(...(await sql.dropEarly(client, [...chains.values()])).map(fromText));
  await sql.updateChains(
    client,
    [...chains.values()].filter(({ changed }) => changed),
  );
  return result;
}

/** One of each number, in the order of scopes and numbers; those that say something else than the first are `differing`. */
function distinct(arrivals: readonly Arrival[]): { events: Arrival[]; differing: Arrival[] } {
  const byNumber = new Map<string, Arrival>();
  const differing: Arrival[] = [];
  for (const arrival of arrivals) {
    const key = `${arrival.scope}/${arrival.seq}`;
    const first = byNumber.get(key);
    if (first === undefined) byNumber.set(key, arrival);
    else if (first.text !== arrival.text) differing.push(arrival);
  }
  const events = [...byNumber.values()].sort((a, b) =>
    a.scope < b.scope ? -1 : a.scope > b.scope ? 1 : a.seq - b.seq,
  );
  return { events, differing };
}

function headOf(chains: Map<string, sql.Chain>, scope: string): sql.Chain {
  const chain = chains.get(scope);
  if (chain === undefined) throw new Error(`the chain of ${scope} is not locked`);
  return chain;
}

async function compareLate(
  client: PoolClient,
  late: readonly Arrival[],
  chains: Map<string, sql.Chain>,
  result: Stored,
): Promise<void> {
  const present = await sql.eventTexts(client, late);
  for (const arrival of late) {
    const text = present.get(`${arrival.scope}/${arrival.seq}`);
    const wasCut = arrival.seq <= headOf(chains, arrival.scope).cutSeq;
    if (text === arrival.text || (text === undefined && wasCut)) result.doubles++;
    else result.conflicts.push(arrival);
  }
}

/** Moves the heads over all that follows without a gap. */
function appendable(events: readonly Arrival[], chains: Map<string, sql.Chain>): sql.Linked[] {
  const linked: sql.Linked[] = [];
  for (const event of events) {
    const chain = headOf(chains, event.scope);
    if (event.seq !== chain.seq + 1) continue;
    chain.seq = event.seq;
    chain.hash = link(chain.hash, event.text);
    chain.name = event.name ?? chain.name;
    chain.changed = true;
    linked.push({ ...event, hash: chain.hash });
  }
  return linked;
}

/** Takes in what was early, page by page for as long as something follows. */
async function appendEarly(client: PoolClient, chains: Map<string, sql.Chain>): Promise<number> {
  for (let total = 0; ; ) {
    const waiting = (await sql.earlyAfter(client, [...chains.values()])).map(fromText);
    const linked = appendable(waiting, chains);
    await sql.insertEvents(client, linked);
    total += linked.length;
    if (linked.length === 0) return total;
  }
}

async function keepEarly(client: PoolClient, early: readonly Arrival[], result: Stored): Promise<void> {
  const differing = await sql.insertEarly(client, early);
  const isDiffering = new Set(differing.map(({ scope, seq }) => `${scope}/${seq}`));
  for (const arrival of early) {
    if (isDiffering.has(`${arrival.scope}/${arrival.seq}`)) result.conflicts.push(arrival);
    else result.early++;
  }
}
