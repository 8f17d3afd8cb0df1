import type { PoolClient } from 'pg';
import { keyOf as keyOfRoom } from '../fields.ts';

/** A room as SIP knows it. */
export interface RoomAddress {
  room: string;
  /** What stands after "room-" in its URI. */
  address: string;
}

/** Somebody who is told by SIP what is posted in a room. */
export interface SipMember extends RoomAddress {
  /** `alice@contoso.lab` */
  member: string;
  /** The number of the last event that it was told of. */
  mark: number;
}

export type Mark = Pick<SipMember, 'room' | 'member' | 'mark'>;
type Key = Pick<SipMember, 'room' | 'member'>;

// Two looks into an index each, the second only where the first finds nothing: an address may look like the id of another room.
const ROOM_OF = `
  SELECT room, address FROM sip_addresses WHERE address = $1
  UNION ALL SELECT room, address FROM sip_addresses WHERE room = $2::uuid LIMIT 1`;

/** A room is also called by its id. */
export async function roomOf(client: PoolClient, address: string): Promise<RoomAddress | undefined> {
  const named = keyOfRoom(address);
  const values = [address, 'id' in named ? named.id : null];
  return (await client.query({ name: 'sip-room', text: ROOM_OF, values })).rows[0];
}

export async function addressesOf(
  client: PoolClient,
  rooms: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await client.query(
    'SELECT room, address FROM sip_addresses WHERE room = ANY($1::uuid[])',
    [rooms],
  );
  return new Map(rows.map(({ room, address }) => [room, address]));
}

/** False where it is there already: then its mark and its teller stay. */
export async function addMember(
  client: PoolClient,
  { room, member, mark }: Mark,
  teller: string | undefined,
): Promise<boolean> {
  const { rowCount } = await client.query(
    'INSERT INTO sip_members (room, member, mark, teller) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
    [room, member, mark, teller ?? null],
  );
  return rowCount === 1;
}

/** False where it was not there. */
export async function removeMember(client: PoolClient, { room, member }: Key): Promise<boolean> {
  const { rowCount } = await client.query('DELETE FROM sip_members WHERE room = $1 AND member = $2', [
    room,
    member,
  ]);
  return rowCount === 1;
}

export async function isMember(client: PoolClient, { room, member }: Key): Promise<boolean> {
  const { rows } = await client.query('SELECT FROM sip_members WHERE room = $1 AND member = $2', [
    room,
    member,
  ]);
  return rows.length === 1;
}

/** Rooms with members whom none of these processes tells. */
export async function untoldRooms(client: PoolClient, live: readonly string[]): Promise<RoomAddress[]> {
  const { rows } = await client.query(
    `SELECT DISTINCT room, address FROM sip_members JOIN sip_addresses USING (room)
      WHERE teller IS NULL OR teller <> ALL($1)`,
    [live],
  );
  return rows;
}

/** Takes the members of these rooms whom no live process tells; another one that does the same gets none of them. */
export async function claim(
  client: PoolClient,
  teller: string,
  rooms: readonly string[],
  live: readonly string[],
): Promise<SipMember[]> {
  const { rows } = await client.query(
    `UPDATE sip_members SET teller = $1 FROM sip_addresses
      WHERE sip_members.room = ANY($2::uuid[]) AND (teller IS NULL OR teller <> ALL($3))
        AND sip_addresses.room = sip_members.room
      RETURNING sip_members.room, member, mark, address`,
    [teller, rooms, live],
  );
  return rows.map(({ mark, ...row }) => ({ ...row, mark: Number(mark) }));
}

/** Resolves with those that this process does not tell any more, or that are gone. */
export async function writeMarks(
  client: PoolClient,
  teller: string,
  marks: readonly Mark[],
  isLast = false,
): Promise<Key[]> {
  const { rows } = await client.query(
    `UPDATE sip_members SET mark = greatest(sip_members.mark, told.mark)${isLast ? ', teller = NULL' : ''}
      FROM unnest($2::uuid[], $3::text[], $4::bigint[]) AS told (room, member, mark)
      WHERE sip_members.room = told.room AND sip_members.member = told.member AND teller = $1
      RETURNING sip_members.room, sip_members.member`,
    [teller, marks.map(({ room }) => room), marks.map(({ member }) => member), marks.map(({ mark }) => mark)],
  );
  const written = new Set(rows.map(keyOf));
  return marks.filter((mark) => !written.has(keyOf(mark)));
}

export const keyOf = ({ room, member }: Key): string => `${room} ${member}`;
