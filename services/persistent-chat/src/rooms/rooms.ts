// Rooms: made, changed, disabled and deleted; and their lists.
import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { Access, AccessNotice, Standing } from '../access/access.ts';
import type { Principals } from '../access/principals.ts';
import type { Wall } from '../access/wall.ts';
import { type Caller, type Chat, ChatError, type Page, type Room, type RoomAccess } from '../chat.ts';
import { byOf, configured, nameTaken, requireAdmin } from '../configuration-events.ts';
import type { Database } from '../database/database.ts';
import { keyOf } from '../fields.ts';
import type { Journal, LockedRoom, NewEvent } from '../journal/journal.ts';
import type { Holds, WithHolds } from '../legal-holds.ts';
import { checkPage } from '../page.ts';
import { demand, noSuchRoom, type Right, refusal } from '../rights.ts';
import { LOCK_MS, limitWaits, sayLocked } from '../room-lock.ts';
import type { Entering } from './entering.ts';
import { accessOf, changedSettings, changeOf, entriesOf, refuseLists, settingsOf } from './spec.ts';
import * as store from './store.ts';
import { type CountUnread, roomOf, viewsOf } from './views.ts';

export interface RoomsParts {
  database: Database;
  journal: Journal;
  access: Access;
  principals: Principals;
  wall: Wall;
  entering: Entering;
  countUnread: CountUnread;
  /** Whether compliance holds anything of a room. Rejects while that is not known. */
  isHeld(room: string): Promise<boolean>;
  /** The same while the room is deleted. */
  withHolds: WithHolds;
  /** Resolves when a room's own hold, which is stored, keeps everything of it. */
  holdsAreSeen(): Promise<void>;
  /** Deletes all posts of a room, some at a time. */
  purgeAll(room: string, by: string, why: string): Promise<unknown>;
  /** In the transaction that changes something. */
  tell(client: PoolClient, notice: AccessNotice & { room: string }): Promise<void>;
}

export type Rooms = Pick<
  Chat,
  | 'createRoom'
  | 'changeRoom'
  | 'setDisabled'
  | 'setLegalHold'
  | 'deleteRoom'
  | 'room'
  | 'access'
  | 'changeAccess'
>;

/** Posts that are deleted together with their room, while it is locked. */
const POSTS_AT_ONCE = 2_000;

/** What is known inside a transaction that has the room's lock. */
interface Held {
  client: PoolClient;
  lock: LockedRoom;
  standing: Standing;
}

export function createRooms(parts: RoomsParts): Rooms {
  const { database, journal, access, principals, wall, entering, countUnread, tell } = parts;

  /**
   * Decides, takes the lock, decides anew where something has changed, and does it: the room's version grows, and all pods are
   * told, where something has happened. `first` runs before the room is locked, and gives the category that it is moved to. Who
   * waits keeps a connection, and many may change a room that somebody else has.
   */
  async function change<T>(
    caller: Caller,
    room: string | Standing,
    right: Right,
    run: (held: Held) => Promise<{ events: NewEvent[]; result: T }>,
    first: (client: PoolClient) => Promise<string[]> = async () => [],
  ): Promise<T> {
    const before = typeof room === 'string' ? await access.standing(caller, room) : room;
    demand(caller, before, right);
    const changing = database.transaction(async (client) => {
      await limitWaits(client, LOCK_MS);
      await store.keepCategories(client, [before.room.category, ...(await first(client))]);
      const lock = (await journal.lockRooms(client, [before.room.id])).get(before.room.id);
      if (lock === undefined) throw noSuchRoom(before.room.name);
      const standing = await access.confirm(client, caller, before, lock);
      demand(caller, standing, right);
      const { events, result } = await run({ client, lock, standing });
      if (events.length === 0) return { stored: [], result };
      await store.growVersion(client, lock.id);
      await tell(client, { room: lock.id });
      return { stored: await journal.append(client, lock, events), result };
    });
    const done = await changing.catch(sayLocked);
    journal.committed(done.stored);
    return done.result;
  }

  async function categoryFor(client: PoolClient, caller: Caller, key: string): Promise<store.RoomCategory> {
    const category = await store.selectCategory(client, keyOf(key));
    const rights = category && !caller.admin && (await wall.rightsIn(client, category.id, caller.name));
    if (category === undefined || (rights && !rights.allowed && !rights.creator)) throw noSuchCategory(key);
    if (!rights || (rights.allowed && rights.creator)) return category;
    const name = JSON.stringify(category.name);
    const why = rights.allowed
      ? `${caller.name} is none of those who create rooms in the category ${name}`
      : `${caller.name} creates rooms in the category ${name}, and is none of those whom it allows in them`;
    throw new ChatError('forbidden', `${why}: an administrator can change its lists`);
  }

  async function setFlag(
    { client, lock, standing }: Held,
    caller: Caller,
    flag: 'disabled' | 'legalHold',
    value: boolean,
  ): Promise<{ events: NewEvent[]; result: Room }> {
    const { room } = standing;
    const result = { ...roomOf(standing), [flag]: value };
    if (room[flag] === value) return { events: [], result };
    await store.setFlag(client, lock.id, flag === 'disabled' ? flag : 'legal_hold', value);
    const event =
      flag === 'legalHold'
        ? configured('room-changed', caller, room.name, { legalHold: value })
        : configured(value ? 'room-disabled' : 'room-enabled', caller, room.name, {});
    return { events: [event], result: { ...result, lastSeq: lock.lastSeq + 1 } };
  }

  /**
   * A room of many posts is taken out of use and emptied before it is deleted: in one transaction that would take long, and
   * everybody who does something in this room would wait for it, and keep a connection.
   */
  async function empty(caller: Caller, before: Standing): Promise<void> {
    const { id, name } = before.room;
    const isLarge = await database.use((client) => store.hasMorePosts(client, id, POSTS_AT_ONCE));
    if (!isLarge) return;
    await change(caller, before, 'mayManage', (held) => setFlag(held, caller, 'disabled', true));
    await parts.purgeAll(id, byOf(caller), 'the room is deleted');
    // What was held in the meantime is there still, and stays.
    if (await parts.isHeld(id)) throw held(name);
  }

  return {
    async createRoom(caller, spec) {
      if (!caller.admin) principals.of(caller.name);
      const id = randomUUID();
      const checked = settingsOf({ ...spec, name: spec.name ?? '' });
      requireAddInRight(caller, checked.addIn, undefined);
      const wanted = entriesOf(spec, principals.parse);
      if (!caller.admin) wanted.push({ principal: caller.name, role: 'manager' });
      const creating = database.transaction(async (client) => {
        await limitWaits(client, LOCK_MS);
        const category = await categoryFor(client, caller, spec.category ?? '');
        const settings = { ...checked, category: category.id };
        await store
          .insertRoom(client, id, settings)
          .catch(categoryGone(category.name))
          .catch(nameTaken('room', settings.name));
        const lock = (await journal.lockRooms(client, [id])).get(id) as LockedRoom;
        const { name, ...rest } = settings;
        const invites = category.invitations && settings.invitations !== false;
        const entered = await entering.change(
          client,
          caller,
          { id, name, category, invites, at: lock.at },
          { add: wanted, remove: [] },
        );
        const stored = await journal.append(client, lock, [
          configured('room-created', caller, name, rest),
          ...entered,
        ]);
        return {
          stored,
          room: { id, ...settings, disabled: false, legalHold: false, lastSeq: lock.lastSeq },
        };
      });
      const done = await creating.catch(sayLocked);
      journal.committed(done.stored);
      return done.room;
    },

    async changeRoom(caller, key, spec) {
      refuseLists(spec);
      let target: store.RoomCategory | undefined;
      return change(
        caller,
        key,
        'mayManage',
        async ({ client, lock, standing }) => {
          const before = roomOf(standing);
          const after = { ...settingsOf(spec, before), category: target?.id ?? before.category };
          requireAddInRight(caller, after.addIn, before.addIn);
          const changed = changedSettings(settingsOf({}, before), after);
          if (after.category !== before.category) {
            if (!caller.admin && !(await store.isFreeToMove(client, lock.id, after.category)))
              throw notFree();
            changed.category = after.category;
          }
          if (Object.keys(changed).length === 0) return { events: [], result: before };
          await store
            .updateRoom(client, lock.id, after)
            .catch(categoryGone(spec.category ?? ''))
            .catch(nameTaken('room', after.name));
          const events = [configured('room-changed', caller, after.name, changed)];
          return { events, result: { ...before, ...after, lastSeq: lock.lastSeq + 1 } };
        },
        async (client) => {
          if (spec.category === undefined) return [];
          target = await categoryFor(client, caller, spec.category);
          return [target.id];
        },
      );
    },

    setDisabled: (caller, key, disabled) =>
      change(caller, key, 'mayManage', (held) => setFlag(held, caller, 'disabled', disabled)),

    async setLegalHold(caller, key, hold) {
      requireAdmin(caller, 'hold rooms for legal reasons');
      const room = await change(caller, key, 'mayManage', (held) => setFlag(held, caller, 'legalHold', hold));
      if (hold) await parts.holdsAreSeen();
      return room;
    },

    async deleteRoom(caller, key) {
      requireAdmin(caller, 'delete rooms; a manager can disable this one');
      const before = await access.standing(caller, key);
      if (await parts.isHeld(before.room.id)) throw held(before.room.name);
      await empty(caller, before);
      const stored = await parts.withHolds((holds) =>
        database.transaction(async (client) => {
          const lock = (await journal.lockRooms(client, [before.room.id])).get(before.room.id);
          if (lock === undefined) throw noSuchRoom(key);
          const { room } = await access.confirm(client, caller, before, lock);
          if (lock.legalHold || (await isHeldIn(holds, lock))) throw held(room.name);
          const events = await journal.append(client, lock, [
            configured('room-deleted', caller, room.name, {}),
          ]);
          // Sessions hear of it by the event; told of their access alone they would take it for a removal.
          await store.deleteRoom(client, lock.id);
          await holds.stand();
          return events;
        }),
      );
      journal.committed(stored);
    },

    async room(caller, key) {
      const [view] = await viewsOf(caller, [await access.standing(caller, key)], countUnread);
      return view as NonNullable<typeof view>;
    },

    async access(caller, key, page = {}) {
      checkPage(page, 'text');
      const standing = await access.standing(caller, key);
      if (!standing.mayJoin && standing.roles.length === 0 && !caller.admin)
        throw refusal(caller, standing, 'mayJoin');
      const { id } = standing.room;
      return database.use((client) => accessIn(client, id, page));
    },

    async changeAccess(caller, key, wanted, page = {}) {
      checkPage(page, 'text');
      const entries = changeOf(wanted, principals.parse);
      return change(caller, key, 'mayManage', async ({ client, lock, standing }) => {
        const { id, name, category, categoryName, invites } = standing.room;
        const events = await entering.change(
          client,
          caller,
          { id, name, category: { id: category, name: categoryName }, invites, at: lock.at },
          entries,
        );
        const isManager = entries.remove.some(({ role }) => role === 'manager');
        if (isManager && !caller.admin && !(await store.hasManager(client, id)))
          throw new ChatError(
            'conflict',
            `managers: ${JSON.stringify(name)} would have nobody who manages it: add another manager before`,
          );
        return { events, result: await accessIn(client, id, page) };
      });
    },
  };
}

async function isHeldIn(holds: Holds, { id, category }: LockedRoom): Promise<boolean> {
  const { all, subjects } = await holds.of(id, category);
  return all || subjects.length > 0;
}

async function accessIn(
  client: PoolClient,
  room: string,
  page: Page,
): Promise<RoomAccess & { next?: string }> {
  if (page.limit === undefined && page.after === undefined)
    return accessOf(await store.selectEntries(client, room));
  const entries = await store.selectEntriesOfPage(client, room, page);
  const isFull = new Set(entries.map(({ principal }) => principal)).size === page.limit;
  const last = entries.at(-1)?.principal;
  return { ...accessOf(entries), ...(isFull && last !== undefined && { next: last }) };
}

const noSuchCategory = (category: string): ChatError =>
  new ChatError(
    'not-found',
    `category: there is no category ${JSON.stringify(category.slice(0, 100))} that you may know of`,
  );

const held = (name: string): ChatError =>
  new ChatError(
    'forbidden',
    `the room ${JSON.stringify(name)} is held for legal reasons: it can be deleted when the hold has ended`,
  );

/** For `catch`: the category was deleted while a room was made in it. */
const categoryGone = (category: string) => (error: { code?: string }) => {
  // PostgreSQL's foreign_key_violation.
  if (error.code === '23503') throw noSuchCategory(category);
  throw error;
};

/** What is shown inside the room to all who are in it is chosen by administrators. */
function requireAddInRight(caller: Caller, addIn: string | undefined, before: string | undefined): void {
  if (addIn !== before && addIn !== undefined && !caller.admin)
    throw new ChatError('forbidden', 'addIn: only administrators give rooms an add-in');
}

const notFree = (): ChatError =>
  new ChatError(
    'forbidden',
    'category: a room in which something was posted, or to a category that keeps less, is moved by an administrator',
  );
