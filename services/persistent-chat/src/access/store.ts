// What decisions are made of, read from PostgreSQL.
import type { PoolClient } from 'pg';
import type { Principal, RoomRole } from '../chat.ts';
import type { CategoryRights } from '../rights.ts';
import type { RoomFacts } from './access.ts';

/** A room with the versions of its own access list and of its category's. */
export interface FoundRoom {
  facts: RoomFacts;
  versions: { room: number; category: number };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const isId = (text: string): boolean => UUID.test(text);

const ROOM = `
  SELECT r.id, r.name, r.description, r.category, r.kind, r.privacy, r.invitations, r.add_in, r.disabled, r.legal_hold,
    r.last_seq, r.access_version, c.name AS category_name, c.chat_history, c.file_upload, c.compliance_required,
    c.invitations AS category_invitations, c.access_version AS category_version
  FROM rooms r JOIN categories c ON c.id = r.category`;

/** By what was asked for: ids as they were written, names in lower case. */
export async function selectRooms(
  client: PoolClient,
  keys: readonly string[],
): Promise<ReadonlyMap<string, FoundRoom>> {
  const ids = keys.filter(isId);
  const names = keys.filter((key) => !isId(key));
  const found = new Map<string, FoundRoom>();
  if (ids.length > 0) {
    const { rows } = await client.query({
      name: 'rooms-by-id',
      text: `${ROOM} WHERE r.id = ANY($1::uuid[])`,
      values: [ids],
    });
    const byId = new Map(rows.map((row) => [row.id, toFound(row)]));
    for (const id of ids) {
      const room = byId.get(id.toLowerCase());
      if (room) found.set(id, room);
    }
  }
  if (names.length > 0) {
    const { rows } = await client.query({
      name: 'rooms-by-name',
      text: `${ROOM.replace('FROM', ', wanted FROM')} JOIN unnest($1::text[]) AS wanted ON lower(r.name) = lower(wanted)`,
      values: [names],
    });
    for (const row of rows) found.set(row.wanted, toFound(row));
  }
  return found;
}

interface RoomRow {
  id: string;
  name: string;
  description: string;
  category: string;
  kind: RoomFacts['kind'];
  privacy: RoomFacts['privacy'];
  invitations: boolean | null;
  add_in: string | null;
  disabled: boolean;
  legal_hold: boolean;
  // What PostgreSQL counts in 64 bits comes as text.
  last_seq: string;
  access_version: string;
  category_name: string;
  chat_history: boolean;
  file_upload: boolean;
  compliance_required: boolean;
  category_invitations: boolean;
  category_version: string;
}

function toFound(row: RoomRow): FoundRoom {
  return {
    facts: {
      id: row.id,
      name: row.name,
      description: row.description,
      category: row.category,
      kind: row.kind,
      privacy: row.privacy,
      invitations: row.invitations ?? undefined,
      addIn: row.add_in ?? undefined,
      disabled: row.disabled,
      legalHold: row.legal_hold,
      lastSeq: Number(row.last_seq),
      categoryName: row.category_name,
      chatHistory: row.chat_history,
      fileUpload: row.file_upload,
      invites: row.category_invitations && row.invitations !== false,
      complianceRequired: row.compliance_required,
    },
    versions: { room: Number(row.access_version), category: Number(row.category_version) },
  };
}

/** A place and the principals that are looked for in its lists. */
export interface Wanted {
  place: string;
  principals: readonly Principal[];
}

const pairs = (wanted: readonly Wanted[]): [places: string[], principals: string[]] => [
  wanted.flatMap(({ place, principals }) => principals.map(() => place)),
  wanted.flatMap(({ principals }) => principals),
];

/** Rows of the lists of rooms by room and principal; each is found by the primary key, however long the lists are. */
export async function selectRoomRoles(
  client: PoolClient,
  wanted: readonly Wanted[],
): Promise<(w: Wanted) => RoomRole[]> {
  const { rows } = await client.query({
    name: 'room-roles',
    text: `SELECT a.room, a.principal, a.role FROM unnest($1::uuid[], $2::text[]) AS w (room, principal)
      JOIN room_access a ON a.room = w.room AND a.principal = w.principal`,
    values: pairs(wanted),
  });
  const found = index(rows, ({ room }) => room);
  return (asked) => rolesOf(found, asked) as RoomRole[];
}

export async function selectCategoryRights(
  client: PoolClient,
  wanted: readonly Wanted[],
): Promise<(w: Wanted) => CategoryRights> {
  const { rows } = await client.query({
    name: 'category-rights',
    text: `SELECT a.category, a.principal, a.role FROM unnest($1::uuid[], $2::text[]) AS w (category, principal)
      JOIN category_access a ON a.category = w.category AND a.principal = w.principal`,
    values: pairs(wanted),
  });
  const found = index(rows, ({ category }) => category);
  return (asked) => {
    const roles = rolesOf(found, asked);
    return {
      allowed: roles.includes('allowed') && !roles.includes('denied'),
      creator: roles.includes('creator') && !roles.includes('denied'),
    };
  };
}

interface AccessRow {
  principal: Principal;
  role: string;
  room?: string;
  category?: string;
}

function index(rows: readonly AccessRow[], placeOf: (row: AccessRow) => string | undefined) {
  const found = new Map<string, string[]>();
  for (const row of rows) {
    const key = `${placeOf(row)} ${row.principal}`;
    const roles = found.get(key);
    if (roles) roles.push(row.role);
    else found.set(key, [row.role]);
  }
  return found;
}

const rolesOf = (found: ReadonlyMap<string, string[]>, { place, principals }: Wanted): string[] => [
  ...new Set(principals.flatMap((principal) => found.get(`${place} ${principal}`) ?? [])),
];
