// Who comes into a room's lists and who leaves them, in the transaction that holds the room's lock.
import type { PoolClient } from 'pg';
import type { Wall } from '../access/wall.ts';
import { type Caller, ChatError, type Principal, type RoomRole } from '../chat.ts';
import { accessEvents, byOf, inviteEvents } from '../configuration-events.ts';
import type { NewEvent } from '../journal/journal.ts';
import { isUser } from '../principal.ts';
import { deleteEntries, deleteMarks, type Entry, insertEntries, selectFull, selectRoles } from './store.ts';

export interface EnteredRoom {
  id: string;
  name: string;
  category: { id: string; name: string };
  /** Whether whoever comes is told. */
  invites: boolean;
  /** RFC 3339. */
  at: string;
}

export interface EnteringParts {
  wall: Wall;
  limits(): { maxRoomsPerUser: number };
}

export interface Entering {
  /** Adds before it takes away. Resolves with what has happened; nothing where all was so already. */
  change(
    client: PoolClient,
    caller: Caller,
    room: EnteredRoom,
    entries: { add: readonly Entry[]; remove: readonly Entry[] },
  ): Promise<NewEvent[]>;
}

export function createEntering({ wall, limits }: EnteringParts): Entering {
  async function requireRoom(client: PoolClient, principals: readonly Principal[]): Promise<void> {
    const { maxRoomsPerUser } = limits();
    const full = await selectFull(client, principals.filter(isUser), maxRoomsPerUser);
    if (full.length === 0) return;
    throw new ChatError(
      'limit',
      `${full.slice(0, 10).join(', ')}: in ${maxRoomsPerUser} rooms already, more are not allowed for one user`,
    );
  }

  async function add(
    client: PoolClient,
    caller: Caller,
    room: EnteredRoom,
    entries: readonly Entry[],
  ): Promise<{ added: Entry[]; invited: Principal[] }> {
    const principals = principalsOf(entries);
    const before = await selectRoles(client, room.id, principals);
    const missing = entries.filter(({ principal, role }) => !before.get(principal)?.includes(role));
    if (missing.length === 0) return { added: [], invited: [] };
    const isNew = principals.filter((principal) => !before.has(principal));
    await wall.admit(client, room.category, principalsOf(missing));
    await wall.reserve(client, missing.length);
    await requireRoom(client, isNew);
    const by = byOf(caller);
    const invited = room.invites ? isNew.filter((principal) => principal !== by) : [];
    const added = await insertEntries(client, room.id, missing, {
      invited: new Set(invited),
      by,
      at: room.at,
    });
    return { added, invited };
  }

  return {
    async change(client, caller, room, entries) {
      const { added, invited } = await add(client, caller, room, entries.add);
      const removed = entries.remove.length > 0 ? await deleteEntries(client, room.id, entries.remove) : [];
      const concerned = principalsOf([...added, ...removed]);
      if (concerned.length === 0) return [];
      const now = await selectRoles(client, room.id, concerned);
      const gone = principalsOf(removed).filter((principal) => isUser(principal) && !now.has(principal));
      if (gone.length > 0) await deleteMarks(client, room.id, gone);
      const roles = concerned.map((principal): [Principal, RoomRole[]] => [
        principal,
        now.get(principal) ?? [],
      ]);
      return [
        ...accessEvents(caller, room.name, roles),
        ...inviteEvents(
          caller,
          invited.filter((principal) => now.has(principal)),
        ),
      ];
    },
  };
}

const principalsOf = (entries: readonly Entry[]): Principal[] => [
  ...new Set(entries.map(({ principal }) => principal)),
];
