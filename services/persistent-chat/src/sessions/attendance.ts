// Who is noted as being in rooms is held against who is: sessions of pods that died have ended, and those of a pod that was only
// thought dead have not.
import type { Logger } from '@linchpin/host';
import type { Members } from '@linchpin/topology';
import type { Database } from '../database/database.ts';
import { type Place, readInRooms, readOfPod, readPods } from './participants.ts';
import type { Presence } from './presence.ts';

export interface AttendanceCheck {
  /** Rows of this pod against its sessions. Rejects while the database is away. */
  own(): Promise<void>;
  /** Rows of pods that are dead. */
  ofDead(): Promise<void>;
}

export interface AttendanceCheckParts {
  pod: string;
  database: Pick<Database, 'use'>;
  members: Pick<Members, 'list' | 'loaded'>;
  presence: Pick<Presence, 'enter' | 'part'>;
  /** That have sessions here. */
  rooms(): string[];
  /** Whether somebody has a session here, or is about to join. */
  isHere(place: Place): boolean;
  /** Who has joined a room. */
  joined(room: string): ReadonlySet<string>;
  log: Logger;
}

const AT_ONCE = 2_000;
/** People and rooms that are asked for and compared in one go: others are heard in between. */
const PLACES_AT_ONCE = 1_000;

export function createAttendanceCheck(parts: AttendanceCheckParts): AttendanceCheck {
  const { pod, database, members, presence, rooms, isHere, joined, log } = parts;

  async function part(places: readonly Place[], of: string): Promise<void> {
    await Promise.all(places.map(({ room, member }) => presence.part(room, member, of)));
  }

  // Whoever comes or goes meanwhile has a step of its own, and steps are stored in the order in which they are asked for.
  async function compare(ids: readonly string[]): Promise<void> {
    const noted = await database.use((client) => readInRooms(client, pod, ids));
    const known = new Set(noted.map(keyOf));
    const present = ids.flatMap((room) => [...joined(room)].map((member) => ({ room, member })));
    await Promise.all([
      part(
        noted.filter((place) => !isHere(place)),
        pod,
      ),
      ...present
        .filter((place) => !known.has(keyOf(place)))
        .map(({ room, member }) => presence.enter(room, member)),
    ]);
  }

  /** Rows in rooms that have no session here at all: of a past life of this pod. */
  async function partElsewhere(): Promise<void> {
    for (;;) {
      const except = rooms();
      const noted = await database.use((client) => readOfPod(client, pod, AT_ONCE, except));
      const left = noted.filter((place) => !isHere(place));
      if (left.length === 0) return;
      await part(left, pod);
    }
  }

  return {
    async own() {
      for (const ids of goes(rooms(), (room) => 1 + joined(room).size)) await compare(ids);
      await partElsewhere();
    },

    async ofDead() {
      if (!members.loaded) return;
      const live = new Set(members.list('persistent-chat').map((member) => member.pod));
      // Not announced yet: who knows what is true.
      if (!live.has(pod)) return;
      const noted = await database.use(readPods);
      for (const dead of noted.filter((name) => !live.has(name))) {
        log.info({ member: dead }, 'who was in rooms through a pod that is dead has left them');
        for (let places = await take(dead); places.length > 0; places = await take(dead))
          await part(places, dead);
      }
    },
  };

  function take(of: string): Promise<Place[]> {
    return database.use((client) => readOfPod(client, of, AT_ONCE));
  }
}

/** In their order, in parts of about the size of one go. */
function* goes(ids: readonly string[], sizeOf: (id: string) => number): Generator<string[]> {
  let part: string[] = [];
  let size = 0;
  for (const id of ids) {
    part.push(id);
    size += sizeOf(id);
    if (size < PLACES_AT_ONCE) continue;
    yield part;
    part = [];
    size = 0;
  }
  if (part.length > 0) yield part;
}

const keyOf = ({ room, member }: Place): string => `${room} ${member}`;
