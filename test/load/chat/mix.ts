// Who is in which room, as arithmetic: the bench, its pods and PostgreSQL come to the same without telling each other.
import { createHash } from 'node:crypto';
import { LAB_DOMAIN } from '@linchpin/testkit';

/** Rooms of some sizes, filled in turn: everybody is in as many rooms as everybody else, give or take one of each size. */
export interface Mix {
  users: number;
  kinds: readonly { rooms: number; size: number }[];
}

/** What Lync 2013's capacity planning names for a pool of four active servers: 33,077 rooms, 16 of them for each user. */
export const documentedMix: Mix = {
  users: 80_000,
  kinds: [
    { rooms: 32_000, size: 30 },
    { rooms: 1_067, size: 150 },
    { rooms: 10, size: 16_000 },
  ],
};

export const userName = (n: number): string => `u${n}@${LAB_DOMAIN}`;

/** The same as PostgreSQL's `md5('room ' || n)::uuid`. */
export function roomId(n: number): string {
  const hex = createHash('md5').update(`room ${n}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export const roomCount = ({ kinds }: Mix): number => kinds.reduce((sum, { rooms }) => sum + rooms, 0);
export const memberships = ({ kinds }: Mix): number =>
  kinds.reduce((sum, { rooms, size }) => sum + rooms * size, 0);

interface Seats {
  /** The number of the room, over all sizes. */
  room: number;
  size: number;
  /** The user of its first seat; the others follow on it. */
  firstUser: number;
}

export function roomsOf({ users, kinds }: Mix): Seats[] {
  const rooms: Seats[] = [];
  for (const { rooms: count, size } of kinds)
    for (let n = 0; n < count; n++) rooms.push({ room: rooms.length, size, firstUser: (n * size) % users });
  return rooms;
}

/** A pod's part of the users. */
export interface Part {
  at: number;
  of: number;
}

export const isIn = ({ at, of }: Part, user: number): boolean => user % of === at;

/** Room by room, the pods each from another place on: so they are not all in the same room at one time. */
export function* placesOf(mix: Mix, part: Part): Generator<{ room: number; user: number }> {
  const rooms = roomsOf(mix);
  const first = Math.floor((rooms.length * part.at) / part.of);
  for (let n = 0; n < rooms.length; n++) {
    const { room, size, firstUser } = rooms[(first + n) % rooms.length] as Seats;
    for (let seat = 0; seat < size; seat++) {
      const user = (firstUser + seat) % mix.users;
      if (isIn(part, user)) yield { room, user };
    }
  }
}

/** Any membership is as likely as any other: large rooms are posted to as much more often as they have more members. */
export function anyPlace(mix: Mix, part: Part, random: () => number): { room: number; user: number } {
  for (;;) {
    let seat = Math.floor(random() * memberships(mix));
    let before = 0;
    for (const { rooms, size } of mix.kinds) {
      if (seat >= rooms * size) {
        seat -= rooms * size;
        before += rooms;
        continue;
      }
      const user = seat % mix.users;
      if (isIn(part, user)) return { room: before + Math.floor(seat / size), user };
      break;
    }
  }
}
