// Who is noted as being in rooms is held against who is: sessions of pods that died have ended, and those of a pod that was only
// thought dead have not.
import type { Logger } from '@linchpin/host';
import type { Members } from '@linchpin/topology';
import type { Database } from '../database/database.ts';
import { type Place, readOfPod, readPods } from './participants.ts';
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
  /** Who has sessions here, also those who are about to join. */
  here(): Place[];
  /** Those who have joined. */
  joined(): Place[];
  log: Logger;
}

const AT_ONCE = 2_000;

export function createAttendanceCheck(parts: AttendanceCheckParts): AttendanceCheck {
  const { pod, database, members, presence, here, joined, log } = parts;

  async function part(places: readonly Place[], of: string): Promise<void> {
    await Promise.all(places.map(({ room, member }) => presence.part(room, member, of)));
  }

  return {
    async own() {
      // Whoever comes or goes meanwhile has a step of its own, and steps are stored in the order in which they are asked for.
      const noted = await database.use((client) => readOfPod(client, pod));
      const present = new Set(here().map(keyOf));
      const known = new Set(noted.map(keyOf));
      const absent = joined().filter((place) => !known.has(keyOf(place)));
      await Promise.all([
        part(
          noted.filter((place) => !present.has(keyOf(place))),
          pod,
        ),
        ...absent.map(({ room, member }) => presence.enter(room, member)),
      ]);
    },

    async ofDead() {
      if (!members.loaded) return;
      const live = new Set(members.list('persistent-chat').map((member) => member.pod));
      // Not announced yet: who knows what is true.
      if (!live.has(pod)) return;
      const noted = await database.use(readPods);
      for (const dead of noted.filter((name) => !live.has(name))) {
        log.info({ pod: dead }, 'who was in rooms through a pod that is dead has left them');
        for (let places = await take(dead); places.length > 0; places = await take(dead))
          await part(places, dead);
      }
    },
  };

  function take(of: string): Promise<Place[]> {
    return database.use((client) => readOfPod(client, of, AT_ONCE));
  }
}

const keyOf = ({ room, member }: Place): string => `${room} ${member}`;
