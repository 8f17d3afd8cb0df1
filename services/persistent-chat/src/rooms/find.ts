// Which rooms somebody can find, and to which somebody was invited.
import type { PoolClient } from 'pg';
import type { Access } from '../access/access.ts';
import type { CategoriesOf } from '../access/categories-of.ts';
import type { Principals } from '../access/principals.ts';
import type { Caller, Chat, Invitation, Principal } from '../chat.ts';
import type { Database } from '../database/database.ts';
import { invalid, keyOf, wholeField } from '../fields.ts';
import { checkPage } from '../page.ts';
import { type CountUnread, viewsOf } from './views.ts';

export interface FindParts {
  database: Database;
  access: Access;
  principals: Principals;
  categoriesOf: CategoriesOf;
  countUnread: CountUnread;
  limits(): { maxSearchResults: number };
}

const DEFAULT_LIMIT = 100;
const MAX_WORDS = 16;
const MAX_TEXT = 1_024;
const MAX_INVITATIONS = 200;

export function createFind(parts: FindParts): Pick<Chat, 'findRooms' | 'invitations'> {
  const { database, access, principals, categoriesOf, countUnread, limits } = parts;

  async function invitationsOf(caller: Caller, asWhom: readonly Principal[], part: InvitationsPart) {
    const { rows, standings } = await database.use(async (client) => {
      const rows = await selectInvitations(client, caller, asWhom, part);
      const ids = rows.map(({ room }) => room);
      const standings = await access.standings(client, caller, ids);
      return { rows, standings: standings.filter(({ mayJoin }) => mayJoin) };
    });
    const views = await viewsOf(caller, standings, countUnread);
    const byId = new Map(views.map((view) => [view.id, view]));
    const invitations = rows.flatMap(({ room, by, at }): Invitation[] => {
      const view = byId.get(room);
      return view ? [{ room: view, by, at: at.toISOString() }] : [];
    });
    return { invitations, last: rows.at(-1) };
  }

  return {
    async findRooms(caller, { text = '', mine = false, limit = DEFAULT_LIMIT, after = '' }) {
      const max = limits().maxSearchResults;
      const count = Math.min(wholeField('limit', limit, 1, 10_000), max);
      if (`${text}${after}`.length > MAX_TEXT)
        throw invalid(`text, after: must have at most ${MAX_TEXT} characters`);
      const words = wordsOf(text);
      if (caller.admin && mine) return [];
      const asWhom = caller.admin ? undefined : principals.of(caller.name);
      const standings = await database.use(async (client) => {
        const categories = asWhom && [...(await categoriesOf(client, asWhom))];
        const allowed = categories?.filter(([, { allowed }]) => allowed).map(([id]) => id);
        const ids = await selectIds(client, { asWhom, allowed, words, mine, count, after });
        return access.standings(client, caller, ids);
      });
      return viewsOf(caller, standings, countUnread);
    },

    async invitations(caller, page = {}) {
      if (caller.admin) return [];
      checkPage(page, 'text');
      const asWhom = principals.of(caller.name);
      const limit = Math.min(page.limit ?? MAX_INVITATIONS, MAX_INVITATIONS);
      for (let after = placeIn(page.after); ; ) {
        const found = await invitationsOf(caller, asWhom, { after, limit });
        // A page is empty only where there is nothing behind it.
        if (found.invitations.length > 0 || found.last === undefined) return found.invitations;
        after = found.last;
      }
    },
  };
}

interface Query {
  /** Undefined: all rooms there are. */
  asWhom: readonly Principal[] | undefined;
  /** Categories in whose rooms one of these may be. */
  allowed: readonly string[] | undefined;
  words: string | undefined;
  mine: boolean;
  count: number;
  after: string;
}

/**
 * The category first, then the room: rooms behind a wall and secret rooms of others are not even looked at. Disabled rooms are
 * only found by who can enable them again.
 */
async function selectIds(client: PoolClient, query: Query): Promise<string[]> {
  const { asWhom, allowed, words, mine, count, after } = query;
  const values: unknown[] = [count];
  const value = (each: unknown) => `$${values.push(each)}`;
  const conditions: string[] = [];
  if (asWhom !== undefined) {
    const whom = value(asWhom);
    const entered = (role = '') =>
      `EXISTS (SELECT 1 FROM room_access a WHERE a.room = r.id AND a.principal = ANY(${whom}::text[]) ${role})`;
    conditions.push(`r.category = ANY(${value(allowed)}::uuid[])`);
    conditions.push(`(NOT r.disabled OR ${entered("AND a.role = 'manager'")})`);
    if (mine)
      conditions.push(`r.id IN (SELECT room FROM room_access WHERE principal = ANY(${whom}::text[]))`);
    else conditions.push(`(r.privacy <> 'secret' OR ${entered()})`);
  }
  if (words !== undefined)
    conditions.push(`room_words(r.name, r.description) @@ to_tsquery('simple', ${value(words)})`);
  if (after !== '') conditions.push(`lower(r.name) > lower(${value(after.replaceAll('\0', ''))})`);
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  const { rows } = await client.query(
    `SELECT r.id FROM rooms r ${where} ORDER BY lower(r.name) LIMIT $1`,
    values,
  );
  return rows.map(({ id }) => id);
}

/** Every word, or its beginning, has to be in the name or the description; undefined: no words, no condition. */
export function wordsOf(text: string): string | undefined {
  // The index parts words at the same characters. What remains is no syntax of PostgreSQL's but in quotes.
  const words = text
    .normalize('NFC')
    .split(/[\s\p{Cc}!-/:-@[-`{-~]+/u)
    .filter((word) => word !== '');
  if (words.length > MAX_WORDS) throw invalid(`text: must have at most ${MAX_WORDS} words`);
  if (words.length === 0 && text.trim() !== '') throw invalid('text: must have letters or digits');
  return words.length > 0 ? words.map((word) => `'${word}':*`).join(' & ') : undefined;
}

interface InvitationRow {
  room: string;
  by: string;
  at: Date;
}

interface InvitationsPart {
  after: Pick<InvitationRow, 'room' | 'at'> | undefined;
  limit: number;
}

/** "<at> <id of the room>" of the last one. */
function placeIn(after: string | undefined): InvitationsPart['after'] {
  if (after === undefined) return undefined;
  const [time = '', room = ''] = after.split(' ');
  const at = new Date(time);
  if (Number.isNaN(at.getTime()) || !('id' in keyOf(room)))
    throw invalid('after: must be what a page before ended with');
  return { at, room };
}

/**
 * The newest first, one for each room: somebody may have been invited in person and with a group. Rooms that somebody has read
 * are known to them.
 */
async function selectInvitations(
  client: PoolClient,
  { name }: Caller,
  asWhom: readonly Principal[],
  { after, limit }: InvitationsPart,
): Promise<InvitationRow[]> {
  const { rows } = await client.query(
    `SELECT * FROM (
       SELECT DISTINCT ON (room) room, invited_by AS by, date_trunc('milliseconds', invited_at) AS at FROM room_access a
       WHERE principal = ANY($1::text[]) AND invited_at IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM read_marks m WHERE m.member = $2 AND m.room = a.room)
       ORDER BY room, invited_at DESC
     ) AS newest
     WHERE $3::timestamptz IS NULL OR (at, room) < ($3, $4::uuid)
     ORDER BY at DESC, room DESC LIMIT $5`,
    [asWhom, name, after?.at ?? null, after?.room ?? null, limit],
  );
  return rows;
}
