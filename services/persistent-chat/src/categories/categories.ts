// Categories: which rooms belong together, who may be in them, and what they can do. Only administrators change them.
import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { AccessNotice } from '../access/access.ts';
import type { CategoriesOf } from '../access/categories-of.ts';
import type { Principals } from '../access/principals.ts';
import type { Wall } from '../access/wall.ts';
import { type Caller, type Category, type Chat, ChatError } from '../chat.ts';
import { accessEvents, configured, nameTaken, requireAdmin } from '../configuration-events.ts';
import type { Database } from '../database/database.ts';
import { keyOf } from '../fields.ts';
import type { Journal, NewEvent } from '../journal/journal.ts';
import { checkPage } from '../page.ts';
import { LOCK_MS, limitWaits, sayLocked } from '../room-lock.ts';
import { type ListChange, listChanges, rolesNow } from './lists.ts';
import { changedSettings, listsOf, settingsOf, type WantedLists } from './spec.ts';
import * as store from './store.ts';

export interface CategoriesParts {
  database: Database;
  journal: Journal;
  principals: Principals;
  categoriesOf: CategoriesOf;
  wall: Wall;
  /** In the transaction that changes something. */
  tell(client: PoolClient, notice: AccessNotice & { category: string }): Promise<void>;
}

export type Categories = Pick<Chat, 'createCategory' | 'changeCategory' | 'deleteCategory' | 'categories'>;

type Found = store.Settings & { id: string };

export function createCategories(parts: CategoriesParts): Categories {
  const { database, journal, principals, categoriesOf, wall, tell } = parts;

  /** In a transaction that has the category's lock: what it is and what has happened, which is published when all is stored. */
  async function change<T>(
    key: string,
    run: (
      client: PoolClient,
      found: Found,
    ) => Promise<{ result: T; events: NewEvent[]; after?: () => Promise<void> }>,
  ): Promise<T> {
    const changing = database.transaction(async (client) => {
      // Who makes a room in it waits for this one, and this one for each room of it.
      await limitWaits(client, LOCK_MS);
      const found = await locked(client, key);
      const { result, events, after } = await run(client, found.category);
      const stored = await journal.append(client, found.lock, events);
      await after?.();
      return { result, stored };
    });
    const done = await changing.catch(sayLocked);
    journal.committed(done.stored);
    return done.result;
  }

  async function locked(client: PoolClient, key: string) {
    const named = keyOf(key);
    const id = 'id' in named ? named.id : (await store.selectCategory(client, named))?.id;
    const lock = id === undefined ? undefined : await journal.lockCategory(client, id);
    // Read anew: it may have been changed while the lock was waited for.
    const category = lock && (await store.selectCategory(client, { id: lock.id }));
    if (lock === undefined || category === undefined) throw noSuchCategory(key);
    return { lock, category };
  }

  /** What has to change for the lists to be as they are wanted; changes nothing yet. */
  async function plan(client: PoolClient, id: string, wanted: WantedLists): Promise<ListChange[]> {
    const changes = listChanges(await lists(client, id), wanted);
    requireKnown(principals, changes);
    const more = changes.reduce((sum, { added, gone }) => sum + added.length - gone.length, 0);
    await wall.reserve(client, Math.max(0, more));
    return changes.filter(({ added, gone }) => added.length > 0 || gone.length > 0);
  }

  async function changeLists(
    client: PoolClient,
    caller: Caller,
    { id, name }: { id: string; name: string },
    changes: readonly ListChange[],
  ): Promise<NewEvent[]> {
    for (const { role, added, gone } of changes) await store.changeList(client, id, role, { added, gone });
    return accessEvents(caller, name, rolesNow(changes, await lists(client, id)));
  }

  const full = async (client: PoolClient, found: Found): Promise<Category> => ({
    ...found,
    ...(await store.selectLists(client, [found.id]))(found.id),
  });

  return {
    async createCategory(caller, spec) {
      requireAdmin(caller, 'create categories');
      const settings = settingsOf({ ...spec, name: spec.name ?? '' });
      const wanted = listsOf(spec, principals.parse);
      const id = randomUUID();
      const created = await database.transaction(async (client) => {
        await store.insertCategory(client, id, settings).catch(nameTaken('category', settings.name));
        const changes = await plan(client, id, wanted);
        const entered = await changeLists(client, caller, { id, name: settings.name }, changes);
        const { lock, category } = await locked(client, id);
        const { name, ...rest } = settings;
        const events = [configured('category-created', caller, name, rest), ...entered];
        const stored = await journal.append(client, lock, events);
        return { stored, category: await full(client, category) };
      });
      journal.committed(created.stored);
      return created.category;
    },

    async changeCategory(caller, key, spec) {
      requireAdmin(caller, 'change categories');
      const wanted = listsOf(spec, principals.parse);
      return change(key, async (client, before) => {
        const after = settingsOf(spec, before);
        const changes = await plan(client, before.id, wanted);
        const changed = changedSettings(before, after);
        const events: NewEvent[] = [];
        if (Object.keys(changed).length > 0)
          events.push(configured('category-changed', caller, after.name, changed));
        if (events.length > 0 || changes.length > 0) {
          // Before anything that another transaction may wait for: that one may have a room.
          await store.lockRoomsOf(client, before.id);
          await store.updateCategory(client, before.id, after).catch(nameTaken('category', after.name));
          events.push(...(await changeLists(client, caller, { ...after, id: before.id }, changes)));
          await tell(client, { category: before.id });
        }
        return { result: await full(client, { ...after, id: before.id }), events };
      });
    },

    async deleteCategory(caller, key) {
      requireAdmin(caller, 'delete categories');
      await change(key, async (client, { id, name }) => ({
        result: undefined,
        events: [configured('category-deleted', caller, name, {})],
        after: () => store.deleteCategory(client, id).catch(hasRooms(name)),
      }));
    },

    async categories(caller, page = {}) {
      checkPage(page, 'text');
      if (caller.admin)
        return database.use(async (client) => {
          const found = await store.selectCategories(client, undefined, page);
          const listsOfAll = await store.selectLists(
            client,
            found.map(({ id }) => id),
          );
          return found.map((each) => ({ ...each, ...listsOfAll(each.id) }));
        });
      const asWhom = principals.of(caller.name);
      return database.use(async (client) => {
        const ids = [...(await categoriesOf(client, asWhom)).keys()];
        const found = await store.selectCategories(client, ids, page);
        // Who is kept apart from whom is nobody's business but that of administrators.
        return found.map((each) => ({ ...each, allowed: [], denied: [], creators: [] }));
      });
    },
  };
}

const lists = async (client: PoolClient, id: string) => (await store.selectLists(client, [id]))(id);

export const noSuchCategory = (category: string): ChatError =>
  new ChatError(
    'not-found',
    `there is no category ${JSON.stringify(category.slice(0, 100))} that you may know of`,
  );

function requireKnown({ problem }: Principals, changes: readonly ListChange[]): void {
  // Whoever is denied need not be there yet.
  const unknown = changes
    .filter(({ role }) => role !== 'denied')
    .flatMap(({ added }) => added.flatMap((principal) => problem(principal) ?? []));
  if (unknown.length > 0) throw new ChatError('invalid', unknown.slice(0, 10).join('; '));
}

const hasRooms = (name: string) => (error: { code?: string }) => {
  // PostgreSQL's foreign_key_violation.
  if (error.code !== '23503') throw error;
  throw new ChatError(
    'conflict',
    `the category ${JSON.stringify(name)} has rooms: move or delete them before`,
  );
};
