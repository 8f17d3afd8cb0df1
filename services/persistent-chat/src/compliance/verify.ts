// Computes chains again and says what is the first thing that is not as it was written.
import type { PoolClient } from 'pg';
import type { Database } from '../database/database.ts';
import { link } from './chain.ts';
import { categoryOf, columns, parseStored, UUID } from './event.ts';
import { type Anchor, altered, anew, type ChainReport, type Finding, missing } from './finding.ts';
import { daysSaid } from './kept-days.ts';
import { allChains, type ChainRow, chainOf, type EventRow, eventsOf } from './store-rows.ts';
import { AUDIT, verifyAudit, verifyHolds } from './verify-audit.ts';
import { cutsOf, findingBeforeCut, findingOfCut } from './verify-cuts.ts';

export type { Anchor, ChainReport, Finding } from './finding.ts';

/** Undefined where there is no such scope. */
export async function verifyScope(
  database: Database,
  scope: string,
  anchors: readonly Anchor[] = [],
): Promise<ChainReport | undefined> {
  for (;;) {
    const chain = await database.use((client) => chainOf(client, scope));
    if (chain === undefined) return orphans(database, scope);
    const report = await verifyChain(database, chain, anchors);
    // What retention cut off in the meantime is not missing.
    if (report.finding === undefined || !(await wasCut(database, chain))) return report;
  }
}

/** Every chain, events without one, scopes of which only something else tells, and what the audit and legal holds are like. */
export async function* verifyAll(
  database: Database,
  anchors: readonly Anchor[] = [],
): AsyncGenerator<ChainReport> {
  const left = Map.groupBy(anchors, ({ scope }) => scope);
  left.delete(AUDIT);
  for await (const scope of allScopes(database)) {
    const report = await verifyScope(database, scope, left.get(scope));
    left.delete(scope);
    if (report !== undefined) yield report;
  }
  for (const [scope, known] of left) yield goneReport(scope, Math.max(...known.map(({ seq }) => seq)));
  for (const { scope, last } of await database.use(mentionedOnly))
    if (!left.has(scope)) yield goneReport(scope, last);
  yield await verifyAudit(database, anchors);
  yield await verifyHolds(database);
}

/** Of what was cut, written by an adapter, or put into a category there is a chain: it was taken out with its events. */
async function mentionedOnly(client: PoolClient): Promise<{ scope: string; last: number }[]> {
  const { rows } = await client.query(MENTIONED_ONLY);
  return rows;
}

// What the audit calls a scope may be no id. No NOT IN: that looks through all chains for each that is mentioned.
export const MENTIONED_ONLY = `
  SELECT m.scope, max(m.last)::float8 AS last FROM (
    SELECT detail->>'scope' AS scope, (detail->>'last')::bigint AS last FROM audit WHERE action = 'retention'
    UNION ALL SELECT scope::text, greatest(seq, 1) FROM adapter_marks
    UNION ALL SELECT room::text, 1 FROM room_categories
  ) AS m
  WHERE NOT EXISTS (SELECT FROM chains c WHERE c.scope::text = m.scope)
    AND NOT EXISTS (SELECT FROM events e WHERE e.scope = CASE WHEN m.scope ~ '${UUID.source}' THEN m.scope::uuid END)
  GROUP BY m.scope ORDER BY m.scope`;

async function* allScopes(database: Database): AsyncGenerator<string> {
  for await (const { scope } of allChains(database)) yield scope;
  const unchained = await database.use((client) =>
    client.query(
      'SELECT DISTINCT scope FROM events e WHERE NOT EXISTS (SELECT FROM chains c WHERE c.scope = e.scope)',
    ),
  );
  for (const { scope } of unchained.rows) yield scope;
}

async function verifyChain(
  database: Database,
  chain: ChainRow,
  anchors: readonly Anchor[],
): Promise<ChainReport> {
  const { scope, name, cutSeq, cutHash, seq: lastSeq } = chain;
  const known = new Map(
    anchors.filter((anchor) => anchor.scope === scope).map(({ seq, hash }) => [seq, hash]),
  );
  const report = { scope, name, firstSeq: cutSeq + 1, lastSeq, head: chain.hash };
  const cuts = cutSeq === 0 ? [] : await database.use((client) => cutsOf(client, scope));
  const said = cutSeq === 0 ? undefined : await database.use((client) => daysSaid(client, scope));
  const ofCut = findingOfCut(chain, cuts, said);
  if (ofCut !== undefined) return { ...report, events: 0, finding: ofCut };
  let events = 0;
  let before: Pick<EventRow, 'seq' | 'hash'> = { seq: cutSeq, hash: cutHash };
  const categories = new Map<string, number>();
  for await (const row of eventsOf(database, scope, -1, Number.MAX_SAFE_INTEGER)) {
    if (row.seq > lastSeq) break;
    const finding = findingAt(row, before, chain) ?? anchored(row, known.get(row.seq));
    if (finding !== undefined) return { ...report, events, finding };
    const category = row.kind.startsWith('room-') ? categoryOf(parseStored(row.event)) : undefined;
    if (category !== undefined) categories.set(category, row.seq);
    events++;
    before = row;
  }
  const finding =
    atEnd(chain, before) ??
    (await afterEnd(database, scope)) ??
    beyond(chain, known) ??
    (await notInCategories(database, scope, categories)) ??
    findingBeforeCut(chain, cuts, known);
  return { ...report, events, finding };
}

/** By these rows holds on a category find its rooms: without one, a room that is held could be cut. */
async function notInCategories(
  database: Database,
  scope: string,
  named: ReadonlyMap<string, number>,
): Promise<Finding | undefined> {
  if (named.size === 0) return undefined;
  const { rows } = await database.use((client) =>
    client.query('SELECT category FROM room_categories WHERE room = $1', [scope]),
  );
  const stored = new Set(rows.map(({ category }) => category));
  const [lost] = [...named].filter(([category]) => !stored.has(category));
  return lost && altered(lost[1], `holds on the category ${lost[0]} do not find this room any more`);
}

function findingAt(
  row: EventRow,
  before: Pick<EventRow, 'seq' | 'hash'>,
  { scope, cutSeq }: ChainRow,
): Finding | undefined {
  if (row.seq <= cutSeq)
    return { problem: 'extra', seq: row.seq, detail: `the chain is cut off at ${cutSeq}` };
  if (row.seq !== before.seq + 1) return missing(before.seq + 1, row.seq - 1);
  if (!link(before.hash, row.event).equals(row.hash))
    return altered(row.seq, 'the hash is not that of the event and the one before it');
  const column = differingColumn(row, scope);
  return column === undefined
    ? undefined
    : altered(row.seq, `the column "${column}" is not what the event says`);
}

// Queries go by these columns: an event with another name in them would not be found.
function differingColumn(row: EventRow, scope: string): string | undefined {
  const event = parseStored(row.event);
  const wanted = columns(event);
  if (event.scope !== scope) return 'scope';
  if (event.seq !== row.seq) return 'seq';
  if (event.at !== row.at.toISOString()) return 'at';
  if (wanted.kind !== row.kind) return 'kind';
  return wanted.by === row.by ? undefined : 'by';
}

function anchored(row: EventRow, hash: Buffer | undefined): Finding | undefined {
  if (hash === undefined || hash.equals(row.hash)) return undefined;
  return anew(row.seq, hash);
}

function atEnd(chain: ChainRow, last: Pick<EventRow, 'seq' | 'hash'>): Finding | undefined {
  if (last.seq < chain.seq) return missing(last.seq + 1, chain.seq);
  return last.hash.equals(chain.hash)
    ? undefined
    : altered(chain.seq, 'the chain ends with another hash than this event has');
}

/** In one statement: the chain may grow while we look. */
async function afterEnd(database: Database, scope: string): Promise<Finding | undefined> {
  const { rows } = await database.use((client) =>
    client.query(
      `SELECT c.seq AS last, min(e.seq) AS extra FROM chains c JOIN events e ON e.scope = c.scope AND e.seq > c.seq
       WHERE c.scope = $1 GROUP BY c.seq`,
      [scope],
    ),
  );
  const [row] = rows;
  return row && { problem: 'extra', seq: Number(row.extra), detail: `the chain ends at ${row.last}` };
}

function beyond({ seq }: ChainRow, known: ReadonlyMap<number, Buffer>): Finding | undefined {
  const gone = [...known.keys()].filter((anchor) => anchor > seq).sort((a, b) => a - b)[0];
  return gone === undefined ? undefined : missing(seq + 1, gone);
}

/** Events whose chain is gone. */
async function orphans(database: Database, scope: string): Promise<ChainReport | undefined> {
  const { rows } = await database.use((client) =>
    client.query(
      'SELECT min(seq) AS first, max(seq) AS last, count(*)::int AS count FROM events WHERE scope = $1',
      [scope],
    ),
  );
  if (rows[0].count === 0) return undefined;
  const firstSeq = Number(rows[0].first);
  const finding: Finding = { problem: 'extra', seq: firstSeq, detail: 'there is no chain for these events' };
  const lastSeq = Number(rows[0].last);
  return { scope, name: '', firstSeq, lastSeq, events: 0, head: Buffer.alloc(0), finding };
}

/** Only a hash of it is known: it was taken out with its chain. */
const goneReport = (scope: string, seq: number): ChainReport => ({
  scope,
  name: '',
  firstSeq: 0,
  lastSeq: 0,
  events: 0,
  head: Buffer.alloc(0),
  finding: missing(1, seq),
});

const wasCut = async (database: Database, { scope, cutSeq }: ChainRow): Promise<boolean> =>
  (await database.use((client) => chainOf(client, scope)))?.cutSeq !== cutSeq;
