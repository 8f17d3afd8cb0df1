// What a user did, and what names the user. A name stands in an event as a whole JSON string, whoever did what it tells of.
import type { Database } from '../../database/database.ts';
import { link } from '../chain.ts';
import { type ChainRow, chainOf, toEvent } from '../store-rows.ts';
import { broken, type Exported } from './exported.ts';

const PAGE = 1000;
const nameOf = (user: string): string => JSON.stringify(user.toLowerCase());

/** Reads every event once: no index knows who is named in them. */
export async function* chainsOfUser(database: Database, user: string): AsyncGenerator<ChainRow> {
  const { rows } = await database.use((client) =>
    client.query('SELECT DISTINCT scope FROM events WHERE position($1 IN lower(event)) > 0 ORDER BY scope', [
      nameOf(user),
    ]),
  );
  for (const { scope } of rows) {
    const chain = await database.use((client) => chainOf(client, scope));
    if (chain === undefined) throw broken({ scope, name: '' }, 1);
    yield chain;
  }
}

/** In the order of their numbers, each with the hash before it. */
export async function* userEvents(
  database: Database,
  user: string,
  chain: ChainRow,
): AsyncGenerator<Exported> {
  for (let after = chain.cutSeq; ; ) {
    const { rows } = await database.use((client) =>
      client.query(
        `SELECT e.scope, e.seq, e.at, e.kind, e.by, e.event, e.hash, before.hash AS previous
         FROM events e LEFT JOIN events before ON before.scope = e.scope AND before.seq = e.seq - 1
         WHERE e.scope = $1 AND e.seq > $2 AND e.seq <= $3 AND position($4 IN lower(e.event)) > 0
         ORDER BY e.seq LIMIT ${PAGE}`,
        [chain.scope, after, chain.seq, nameOf(user)],
      ),
    );
    for (const row of rows) yield exported(chain, toEvent(row), row.previous);
    if (rows.length < PAGE) return;
    after = Number(rows.at(-1).seq);
  }
}

function exported(chain: ChainRow, row: ReturnType<typeof toEvent>, before: Buffer | null): Exported {
  const previous = before ?? (row.seq === chain.cutSeq + 1 ? chain.cutHash : undefined);
  if (previous === undefined || !link(previous, row.event).equals(row.hash)) throw broken(chain, row.seq);
  return { ...row, previous };
}
