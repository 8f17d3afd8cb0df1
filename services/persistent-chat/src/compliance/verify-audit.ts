// The audit is a chain of its own, and what is held has to be what the audit says.
import type { PoolClient } from 'pg';
import type { Database } from '../database/database.ts';
import { ENTRY, readAuditHead } from './audit.ts';
import { canonical } from './canonical.ts';
import { link, NO_HASH } from './chain.ts';
import { type Anchor, altered, anew, type ChainReport, type Finding, missing } from './finding.ts';
import { EVIDENCE } from './holds.ts';

/** What the audit is called where a chain is named by the id of its room. */
export const AUDIT = 'audit';
export const LEGAL_HOLDS = 'legal-holds';

const PAGE = 1000;

interface Entry {
  seq: number;
  entry: string;
  hash: Buffer;
}

export async function verifyAudit(database: Database, anchors: readonly Anchor[] = []): Promise<ChainReport> {
  const known = new Map(anchors.filter(({ scope }) => scope === AUDIT).map(({ seq, hash }) => [seq, hash]));
  const head = await database.use((client) => readAuditHead(client));
  const lastSeq = head?.seq ?? 0;
  let before = { seq: 0, hash: NO_HASH };
  const report = { scope: AUDIT, name: '', firstSeq: 1, lastSeq, head: head?.hash ?? NO_HASH };
  for await (const row of entries(database)) {
    if (row.seq > lastSeq) break;
    const finding = findingAt(row, before, known.get(row.seq));
    if (finding !== undefined) return { ...report, events: before.seq, finding };
    before = row;
  }
  const finding = head === undefined ? noHead : atEnd(head, before, known);
  return { ...report, events: before.seq, finding: finding ?? (await database.use(afterEnd)) };
}

async function* entries(database: Database): AsyncGenerator<Entry> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const { rows } = await database.use((client) =>
      client.query(
        `SELECT seq, ${ENTRY} AS entry, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT ${PAGE}`,
        [after],
      ),
    );
    for (const { seq, entry, hash } of rows) yield { seq: Number(seq), entry, hash };
    if (rows.length < PAGE) return;
    after = Number(rows.at(-1).seq);
  }
}

function findingAt(
  { seq, entry, hash }: Entry,
  before: { seq: number; hash: Buffer },
  known: Buffer | undefined,
): Finding | undefined {
  if (seq < 1) return { problem: 'extra', seq, detail: 'the audit begins with 1' };
  if (seq !== before.seq + 1) return missing(before.seq + 1, seq - 1);
  if (!link(before.hash, entry).equals(hash))
    return altered(seq, 'the hash is not that of the entry and the one before it');
  return known === undefined || known.equals(hash) ? undefined : anew(seq, known);
}

const noHead: Finding = { problem: 'missing', seq: 0, detail: 'where the audit ends is not there' };

function atEnd(
  head: { seq: number; hash: Buffer },
  last: { seq: number; hash: Buffer },
  known: ReadonlyMap<number, Buffer>,
): Finding | undefined {
  if (last.seq < head.seq) return missing(last.seq + 1, head.seq);
  if (!last.hash.equals(head.hash))
    return altered(head.seq, 'the audit ends with another hash than this entry has');
  const gone = [...known.keys()].filter((seq) => seq > head.seq).sort((a, b) => a - b)[0];
  return gone === undefined ? undefined : missing(head.seq + 1, gone);
}

/** In one statement: the audit may grow while we look. */
async function afterEnd(client: PoolClient): Promise<Finding | undefined> {
  const { rows } = await client.query(
    'SELECT h.seq AS last, min(a.seq) AS extra FROM audit_head h JOIN audit a ON a.seq > h.seq GROUP BY h.seq',
  );
  const [row] = rows;
  return row && { problem: 'extra', seq: Number(row.extra), detail: `the audit ends at ${row.last}` };
}

/** A finding's number is that of the entry in the audit; 0 for a hold of which it says nothing. */
export async function verifyHolds(database: Database): Promise<ChainReport> {
  const { rows } = await database.use((client) => client.query(HOLDS));
  const finding = rows.map(findingOfHold).find((found) => found !== undefined);
  const report = { scope: LEGAL_HOLDS, name: '', firstSeq: rows.length > 0 ? 1 : 0, lastSeq: rows.length };
  return { ...report, events: rows.length, head: NO_HASH, finding };
}

// In one statement: a hold and what the audit says of it are written in one transaction. The last that it says is what counts.
const HOLDS = `
  SELECT coalesce(said.id, held.id) AS id, said.seq, said.hold AS said, held.hold AS held
  FROM (
    SELECT DISTINCT ON (detail->>'id') detail->>'id' AS id, seq, detail - 'why' AS hold FROM audit
    WHERE action IN ('place-hold', 'release-hold', 'carry-hold') AND detail ? 'placedBy' ORDER BY detail->>'id', seq DESC
  ) AS said
  FULL JOIN (SELECT id::text AS id, ${EVIDENCE} AS hold FROM legal_holds) AS held ON held.id = said.id
  ORDER BY said.seq NULLS LAST`;

// biome-ignore lint/suspicious/noExplicitAny: rows are what the query says.
function findingOfHold({ id, seq, said, held }: any): Finding | undefined {
  if (said === null)
    return { problem: 'extra', seq: 0, detail: `the audit does not say who placed hold ${id}` };
  if (held === null)
    return { ...missing(Number(seq), Number(seq)), detail: `hold ${id} (${said.name}) is not there` };
  if (canonical(said) === canonical(held)) return undefined;
  const fields = Object.keys(said).filter(
    (field) => canonical(said[field]) !== canonical(held[field] ?? null),
  );
  return altered(Number(seq), `hold ${id} (${said.name}): ${fields.join(', ')} not as the audit says`);
}
