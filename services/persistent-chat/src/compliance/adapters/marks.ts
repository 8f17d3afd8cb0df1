// How far each adapter is, so that nothing is left out and as good as nothing comes twice.
import type { PoolClient } from 'pg';
import { link } from '../chain.ts';
import { chainOf, type EventRow, eventPage } from '../store-rows.ts';
import { type AdapterBatch, lastOf } from './adapter.ts';

const PAGE = 500;

/** Scopes of which there is more than the adapter has written. */
export async function* scopesBehind(client: PoolClient, adapter: string): AsyncGenerator<string> {
  for (let after: string | null = null; ; ) {
    const { rows }: { rows: { scope: string }[] } = await client.query(
      `SELECT c.scope FROM chains c LEFT JOIN adapter_marks m ON m.scope = c.scope AND m.adapter = $1
       WHERE c.seq > greatest(coalesce(m.seq, 0), c.cut_seq) AND ($2::uuid IS NULL OR c.scope > $2)
       ORDER BY c.scope LIMIT ${PAGE}`,
      [adapter, after],
    );
    for (const { scope } of rows) yield scope;
    if (rows.length < PAGE) return;
    after = rows.at(-1)?.scope ?? null;
  }
}

/**
 * What comes next; undefined where there is nothing more. Up to where it goes is stored before it is written: after a crash the same
 * batch is written again, to a file of the same name. Rejects where the chain is not whole: what was altered is not passed on.
 */
export async function nextBatch(
  client: PoolClient,
  adapter: string,
  scope: string,
): Promise<AdapterBatch | undefined> {
  const chain = await chainOf(client, scope);
  if (chain === undefined) return undefined;
  const mark = await markOf(client, adapter, scope);
  const after = Math.max(mark?.seq ?? 0, chain.cutSeq);
  const begun = mark?.writingTo ?? 0;
  const events = await eventPage(client, scope, after, begun > after ? begun : chain.seq);
  if (events.length === 0 && after >= chain.seq) return undefined;
  const previous = after === chain.cutSeq ? chain.cutHash : await hashOf(client, scope, after);
  follow(scope, events, after, previous);
  const batch = { id: '', scope, name: chain.name, previous: previous as Buffer, events };
  const last = lastOf(batch).seq;
  await client.query(
    `INSERT INTO adapter_marks (adapter, scope, seq, writing_to) VALUES ($1, $2, $3, $4)
     ON CONFLICT (adapter, scope) DO UPDATE SET seq = excluded.seq, writing_to = excluded.writing_to`,
    [adapter, scope, after, last],
  );
  return { ...batch, id: `${scope}/${after + 1}-${last}` };
}

export async function written(client: PoolClient, adapter: string, batch: AdapterBatch): Promise<void> {
  await client.query(
    'UPDATE adapter_marks SET seq = $3, writing_to = NULL WHERE adapter = $1 AND scope = $2 AND writing_to = $3',
    [adapter, batch.scope, lastOf(batch).seq],
  );
}

function follow(
  scope: string,
  events: readonly EventRow[],
  after: number,
  previous: Buffer | undefined,
): void {
  let [seq, hash] = [after, previous];
  for (const event of events) {
    if (hash === undefined || event.seq !== seq + 1 || !link(hash, event.event).equals(event.hash)) break;
    [seq, hash] = [event.seq, event.hash];
  }
  if (events.length === 0 || seq !== events.at(-1)?.seq)
    throw new Error(`the chain of ${scope} is not whole at ${seq + 1}: verify it`);
}

async function markOf(
  client: PoolClient,
  adapter: string,
  scope: string,
): Promise<{ seq: number; writingTo: number | undefined } | undefined> {
  const { rows } = await client.query(
    'SELECT seq, writing_to FROM adapter_marks WHERE adapter = $1 AND scope = $2',
    [adapter, scope],
  );
  const [row] = rows;
  return (
    row && { seq: Number(row.seq), writingTo: row.writing_to === null ? undefined : Number(row.writing_to) }
  );
}

async function hashOf(client: PoolClient, scope: string, seq: number): Promise<Buffer | undefined> {
  const { rows } = await client.query('SELECT hash FROM events WHERE scope = $1 AND seq = $2', [scope, seq]);
  return rows[0]?.hash;
}
