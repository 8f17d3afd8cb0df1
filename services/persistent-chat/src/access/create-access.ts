import type { PoolClient } from 'pg';
import type { Caller, RoomRole } from '../chat.ts';
import type { Database } from '../database/database.ts';
import { type CategoryRights, decide, noSuchRoom, Renamed, standingOfAdmin } from '../rights.ts';
import type { Access, LockedVersions, Standing } from './access.ts';
import { createBounded } from './bounded.ts';
import { gather } from './gather.ts';
import type { Notices } from './notices.ts';
import type { Principals } from './principals.ts';
import { type Question, rememberRights } from './remembered-rights.ts';
import { type FoundRoom, isId, selectCategoryRights, selectRoomRoles, selectRooms } from './store.ts';

/** Rooms, and users in rooms or categories, whose rights a pod keeps in memory. */
const MAX_ROOMS = 20_000;
const MAX_USERS_IN_ROOMS = 100_000;
const MAX_USERS_IN_CATEGORIES = 50_000;

export interface AccessParts {
  database: Database;
  principals: Principals;
  notices: Pick<Notices, 'onChanged'>;
}

/** What there is to be asked, for one user and one room. */
interface Questions {
  room: Question;
  category: Question;
}

export function createAccess({ database, principals, notices }: AccessParts): Access {
  const rooms = createBounded<FoundRoom>(MAX_ROOMS);
  const ids = createBounded<string>(MAX_ROOMS);
  const roles = rememberRights<RoomRole[]>(database, selectRoomRoles, MAX_USERS_IN_ROOMS);
  const categories = rememberRights<CategoryRights>(database, selectCategoryRights, MAX_USERS_IN_CATEGORIES);

  function remember(room: FoundRoom): FoundRoom {
    rooms.set(room.facts.id, room);
    ids.set(nameKey(room.facts.name), room.facts.id);
    return room;
  }

  const look = gather<string, FoundRoom | undefined>(
    async (keys) => {
      const found = await database.use((client) => selectRooms(client, keys));
      for (const room of found.values()) remember(room);
      return (key) => found.get(key);
    },
    (key) => key,
  );

  function questions(user: string, { facts, versions }: FoundRoom): Questions {
    const who = { user, principals: principals.of(user) };
    return {
      room: { ...who, place: facts.id, version: versions.room },
      category: { ...who, place: facts.category, version: versions.category },
    };
  }

  async function standing(caller: Caller, key: string): Promise<Standing> {
    // Who may not use anything is not told whether the room is there.
    if (!caller.admin) principals.of(caller.name);
    const room = isKey(key) ? await look(key) : undefined;
    if (room === undefined) throw noSuchRoom(key);
    if (caller.admin) return asAsked(key, standingOfAdmin(room.facts, room.versions));
    const asked = questions(caller.name, room);
    const [category, entered] = await Promise.all([categories.find(asked.category), roles.find(asked.room)]);
    return asAsked(key, seen(key, decide(room.facts, room.versions, category, entered)));
  }

  function remembered(caller: Caller, key: string): Standing | undefined {
    const room = rooms.get(isId(key) ? key.toLowerCase() : (ids.get(nameKey(key)) ?? ''));
    if (room === undefined || (!isId(key) && nameKey(room.facts.name) !== nameKey(key))) return undefined;
    if (caller.admin) return asAsked(key, standingOfAdmin(room.facts, room.versions));
    const asked = questions(caller.name, room);
    const category = categories.get(asked.category);
    const entered = roles.get(asked.room);
    if (category === undefined || entered === undefined) return undefined;
    const found = decide(room.facts, room.versions, category, entered);
    return found.maySee ? asAsked(key, found) : undefined;
  }

  async function confirm(
    client: PoolClient,
    caller: Caller,
    before: Standing,
    locked: LockedVersions,
  ): Promise<Standing> {
    // Not what was decided before: the user may have left a group since.
    const known = caller.admin ? before : remembered(caller, locked.id);
    if (known !== undefined && isSame(known, locked)) return sameName(before, known);
    const room = (await selectRooms(client, [locked.id])).get(locked.id);
    if (room === undefined) throw noSuchRoom(before.room.name);
    remember(room);
    if (caller.admin) return sameName(before, standingOfAdmin(room.facts, room.versions));
    const asked = questions(caller.name, room);
    const category = await categories.findIn(client, asked.category);
    const entered = await roles.findIn(client, asked.room);
    return sameName(before, seen(before.room.name, decide(room.facts, room.versions, category, entered)));
  }

  async function standings(client: PoolClient, caller: Caller, keys: readonly string[]): Promise<Standing[]> {
    const found = await selectRooms(client, keys);
    const rooms = keys.flatMap((key) => found.get(key) ?? []);
    if (caller.admin) return rooms.map(({ facts, versions }) => standingOfAdmin(facts, versions));
    const asked = rooms.map((room) => questions(caller.name, room));
    const entered = await roles.findAll(
      client,
      asked.map(({ room }) => room),
    );
    const allowed = await categories.findAll(
      client,
      asked.map(({ category }) => category),
    );
    return rooms
      .map(({ facts, versions }, at) =>
        decide(facts, versions, allowed[at] as CategoryRights, entered[at] as RoomRole[]),
      )
      .filter(({ maySee }) => maySee);
  }

  return { standing, remembered, confirm, standings, onChanged: notices.onChanged };
}

/** What PostgreSQL takes as a text, and could be an id or a name. */
const isKey = (key: string): boolean => key !== '' && key.length <= 1_024 && !key.includes('\0');

const nameKey = (name: string): string => name.toLowerCase();

const isSame = ({ versions }: Standing, { accessVersion, categoryAccessVersion }: LockedVersions): boolean =>
  versions.room === accessVersion && versions.category === categoryAccessVersion;

const asAsked = (key: string, standing: Standing): Standing =>
  isId(key) ? standing : { ...standing, named: true };

/** With each change of its name the version of a room grows: what holds for the version holds for the name. */
function sameName(before: Standing, now: Standing): Standing {
  if (before.named && nameKey(before.room.name) !== nameKey(now.room.name))
    throw new Renamed(before.room.name);
  return now;
}

function seen(room: string, standing: Standing): Standing {
  if (!standing.maySee) throw noSuchRoom(room);
  return standing;
}
