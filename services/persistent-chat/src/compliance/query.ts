// What an auditor asks for, in pages.
import type { PoolClient } from 'pg';
import { ChatError } from '../chat.ts';
import type { Database } from '../database/database.ts';
import { audit } from './audit.ts';
import { isScope } from './event.ts';
import { type ChainRow, chainOf, chainsNamed, type EventRow, toEvent } from './store-rows.ts';

export interface ComplianceQuery {
  /** Id or name of a room or category. */
  scope?: string;
  /** Who did it; "admin:<name>" for what administrators do. */
  by?: string;
  /** From this moment on. */
  from?: Date;
  /** Up to, and not at, this moment. */
  to?: Date;
  kinds?: string[];
  /** What the event has in it, capitals or not. */
  text?: string;
  limit?: number;
  /** `next` of the page before. */
  after?: string;
  /** Goes into the audit as it is. */
  reason?: string;
}

export interface QueryPage {
  /** Of one scope in the order of numbers, else of time, then of scope and number. */
  events: EventRow[];
  /** Where the next page begins; undefined: this is the last. */
  next: string | undefined;
}

const MAX_PAGE = 1000;
/** A page that would be longer ends before that. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024;

/** Rejects with ChatError. The question is in the audit before the answer is given. */
export async function query(database: Database, who: string, asked: ComplianceQuery): Promise<QueryPage> {
  const position = readCursor(asked.after);
  const limit = Math.min(asked.limit ?? MAX_PAGE, MAX_PAGE);
  await audit(database, who, 'query', asked);
  return database.use(async (client) => {
    const scope = asked.scope === undefined ? undefined : (await findScope(client, asked.scope)).scope;
    const { rows } = await client.query(statement(scope !== undefined, limit + 1), [
      scope ?? null,
      asked.by ?? null,
      asked.from ?? null,
      asked.to ?? null,
      asked.kinds?.length ? asked.kinds : null,
      asked.text ? likePattern(asked.text) : null,
      ...position,
    ]);
    return page(rows.map(toEvent), limit);
  });
}

/** By id, else by name. Rejects with `not-found`, or with `conflict` where several have had the name. */
export async function findScope(client: PoolClient, idOrName: string): Promise<ChainRow> {
  const id = idOrName.toLowerCase();
  const byId = isScope(id) ? await chainOf(client, id) : undefined;
  if (byId !== undefined) return byId;
  const [first, second] = await chainsNamed(client, idOrName);
  if (first === undefined)
    throw new ChatError('not-found', `compliance knows no room or category "${idOrName}"`);
  if (second !== undefined)
    throw new ChatError('conflict', `several have had the name "${idOrName}": give an id`);
  return first;
}

// A room is read by its numbers, so that a small one is not looked for among all events.
const statement = (isOfScope: boolean, limit: number): string => {
  const [position, order] = isOfScope
    ? ['seq > $9', 'seq']
    : ['(at, scope, seq) > ($7::timestamptz, $8::uuid, $9::bigint)', 'at, scope, seq'];
  return `SELECT scope, seq, at, kind, by, event, hash FROM events
    WHERE ($1::uuid IS NULL OR scope = $1) AND ($2::text IS NULL OR by = $2)
    AND ($3::timestamptz IS NULL OR at >= $3) AND ($4::timestamptz IS NULL OR at < $4)
    AND ($5::text[] IS NULL OR kind = ANY($5)) AND ($6::text IS NULL OR event ILIKE $6)
    AND ($7::timestamptz IS NULL OR $8::uuid IS NULL OR $9::bigint IS NULL OR ${position})
    ORDER BY ${order} LIMIT ${limit}`;
};

/** As it stands in canonical JSON: quotes and control characters are escaped there. */
const likePattern = (text: string): string =>
  `%${JSON.stringify(text.toWellFormed())
    .slice(1, -1)
    .replace(/[\\%_]/g, '\\$&')}%`;

function page(rows: EventRow[], limit: number): QueryPage {
  let bytes = 0;
  let count = 0;
  for (const { event } of rows.slice(0, limit)) {
    bytes += Buffer.byteLength(event) + 200;
    if (count > 0 && bytes > MAX_PAGE_BYTES) break;
    count++;
  }
  const events = rows.slice(0, count);
  const last = events.at(-1);
  return { events, next: count < rows.length && last !== undefined ? cursorOf(last) : undefined };
}

const cursorOf = ({ at, scope, seq }: EventRow): string => `${at.toISOString()}/${scope}/${seq}`;

function readCursor(text: string | undefined): [string | null, string | null, number | null] {
  if (text === undefined || text === '') return [null, null, null];
  const [at = '', scope = '', seq = ''] = text.split('/');
  if (Number.isNaN(Date.parse(at)) || !isScope(scope) || !/^\d{1,15}$/.test(seq))
    throw new ChatError('invalid', 'after: must be `next` of the page before');
  return [at, scope, Number(seq)];
}
