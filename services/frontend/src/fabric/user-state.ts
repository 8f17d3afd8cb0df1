import { fromKeyToken, type userStateKey } from '@linchpin/proto/subjects';
import { groupOf } from '@linchpin/topology';
import type { Group } from './group.ts';
import type { Slot } from './slot.ts';

/**
 * What is kept for the users that this Front End serves: in memory, and in the streams of their routing groups, which survive
 * the process. Keys come from `userStateKey` of the proto package, values are plain JSON and never changed in place.
 */
export interface UserState {
  get<T>(key: string): T | undefined;
  /** Seen by `get` at once. Resolves when durable, rejects with StateUnavailable; then the value before is back. */
  put(key: string, value: unknown): Promise<void>;
  /** As `put`, but the key stays gone: after a rejection the store is told as soon as it is there again. */
  delete(key: string): Promise<void>;
  /** All keys that begin with `prefix`; cheap where it names the user: `userStateKey('subscription', user)` and a dot. */
  entries<T>(prefix: string): Iterable<[key: string, value: T]>;
  /** All keys of one facet that belong to users of one routing group. */
  entriesOf<T>(group: number, facet: Facet): Iterable<[key: string, value: T]>;
}

/** What is kept for users, see `userStateKey`. */
export type Facet = Parameters<typeof userStateKey>[0];

export function createUserState(groups: readonly Group[]): UserState {
  const groupAt = (key: string): Group => groups[groupOfKey(key)] as Group;

  function* entries<T>(prefix: string): Iterable<[string, T]> {
    const candidates = namesUser(prefix) ? [groupAt(prefix)] : groups;
    for (const { slots } of candidates) yield* valuesOf<T>(slots.under(prefix));
  }

  return {
    get: <T>(key: string) => groupAt(key).slots.get(key)?.value as T | undefined,
    put: (key, value) => groupAt(key).write(key, value),
    delete(key) {
      const group = groupAt(key);
      return group.isOwned && !group.slots.get(key) ? Promise.resolve() : group.write(key, undefined);
    },
    entries,
    entriesOf: <T>(group: number, facet: Facet) => valuesOf<T>(groups[group]?.slots.under(`${facet}.`) ?? []),
  };
}

function* valuesOf<T>(slots: Iterable<Slot>): Iterable<[string, T]> {
  for (const { key, value } of slots) if (value !== undefined) yield [key, value as T];
}

/** `bindings.<user>` or `bindings.<user>.<part>`. */
export function groupOfKey(key: string): number {
  const [, user = ''] = key.split('.', 2);
  return groupOf(`sip:${fromKeyToken(user)}`);
}

const namesUser = (prefix: string): boolean => prefix.indexOf('.', prefix.indexOf('.') + 1) >= 0;
