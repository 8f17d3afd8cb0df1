/** One key: what readers see, what is stored, and who waits for the two to become the same. */
export interface Slot {
  readonly key: string;
  /** What readers see; undefined is a deleted key. */
  value: unknown;
  /** What the store holds, as far as it has told. */
  durable: unknown;
  revision: number;
  /** Texts ('' for a deletion) that were sent and never answered: one of them may be what is stored. */
  doubts: string[];
  writing: boolean;
  waiters: Waiter[];
}

export interface Waiter {
  done(): void;
  failed(error: Error): void;
}

export interface Slots {
  get(key: string): Slot | undefined;
  /** The slot of the key, a new one where there is none. */
  take(key: string): Slot;
  drop(key: string): void;
  all(): Iterable<Slot>;
  entries<T>(prefix: string): Iterable<[key: string, value: T]>;
}

/** Slots by the first two words of their keys, facet and user, so that what belongs to one user is found without a search. */
export function createSlots(): Slots {
  const groups = new Map<string, Map<string, Slot>>();

  function groupOf(key: string): Map<string, Slot> {
    const name = groupName(key);
    let group = groups.get(name);
    if (!group) {
      group = new Map();
      groups.set(name, group);
    }
    return group;
  }

  function take(key: string): Slot {
    const group = groupOf(key);
    let slot = group.get(key);
    if (!slot) {
      slot = emptySlot(key);
      group.set(key, slot);
    }
    return slot;
  }

  /** One group where the prefix names the user, else all. */
  function groupsOf(prefix: string): Iterable<Map<string, Slot>> {
    if (partAt(prefix) < 0) return groups.values();
    const group = groups.get(groupName(prefix));
    return group ? [group] : [];
  }

  function* all(): Iterable<Slot> {
    for (const group of groups.values()) yield* group.values();
  }

  function* entries<T>(prefix: string): Iterable<[string, T]> {
    for (const group of groupsOf(prefix)) {
      for (const [key, slot] of group) {
        if (slot.value !== undefined && key.startsWith(prefix)) yield [key, slot.value as T];
      }
    }
  }

  return {
    get: (key) => groups.get(groupName(key))?.get(key),
    take,
    drop(key) {
      const name = groupName(key);
      const group = groups.get(name);
      group?.delete(key);
      if (group?.size === 0) groups.delete(name);
    },
    all,
    entries,
  };
}

const emptySlot = (key: string): Slot => ({
  key,
  value: undefined,
  durable: undefined,
  revision: 0,
  doubts: [],
  writing: false,
  waiters: [],
});

/** `bindings.YWxp` of `bindings.YWxp` and of `bindings.YWxp.eA`. */
function groupName(key: string): string {
  const part = partAt(key);
  return part < 0 ? key : key.slice(0, part);
}

/** Where the second dot is. */
const partAt = (key: string): number => key.indexOf('.', key.indexOf('.') + 1);
