/** One key: what readers see, what is stored, and who waits for the two to become the same. */
export interface Slot {
  readonly key: string;
  /** What readers see; undefined is a deleted key. */
  value: unknown;
  /** The last value whose writer was told that it is stored: what readers see again when a write fails. */
  durable: unknown;
  /** What the stream holds, as far as it has told; undefined: nothing. */
  stored: unknown;
  /** The sequence of what the stream holds; 0: not in this stream. */
  revision: number;
  /** As it came from the owner; read when this pod takes the group. */
  text: string | undefined;
  waiters: Waiter[];
}

export interface Waiter {
  readonly slot: Slot;
  /** performance.now(). */
  readonly deadline: number;
  done(): void;
  failed(error: Error): void;
}

export interface Slots {
  get(key: string): Slot | undefined;
  /** The slot of the key, a new one where there is none. */
  take(key: string): Slot;
  drop(key: string): void;
  all(): Iterable<Slot>;
  /** Those of one user's facet where the prefix names both, else all. */
  under(prefix: string): Iterable<Slot>;
  readonly size: number;
  clear(): void;
}

/** Slots by the first two words of their keys, facet and user, so that what belongs to one user is found without a search. */
export function createSlots(): Slots {
  const users = new Map<string, Map<string, Slot>>();
  let size = 0;

  function userOf(key: string): Map<string, Slot> {
    const name = userPart(key);
    let user = users.get(name);
    if (!user) {
      user = new Map();
      users.set(name, user);
    }
    return user;
  }

  function take(key: string): Slot {
    const user = userOf(key);
    let slot = user.get(key);
    if (!slot) {
      slot = emptySlot(key);
      user.set(key, slot);
      size++;
    }
    return slot;
  }

  function* all(): Iterable<Slot> {
    for (const user of users.values()) yield* user.values();
  }

  function* under(prefix: string): Iterable<Slot> {
    const candidates = partAt(prefix) < 0 ? all() : (users.get(userPart(prefix))?.values() ?? []);
    for (const slot of candidates) if (slot.key.startsWith(prefix)) yield slot;
  }

  return {
    get: (key) => users.get(userPart(key))?.get(key),
    take,
    drop(key) {
      const name = userPart(key);
      const user = users.get(name);
      if (user?.delete(key)) size--;
      if (user?.size === 0) users.delete(name);
    },
    all,
    under,
    get size() {
      return size;
    },
    clear() {
      users.clear();
      size = 0;
    },
  };
}

/** Turns what was read of a stream into values. What has no revision is not in the stream (any more). */
export function readTexts(slots: Slots, onBroken: (key: string) => void): void {
  for (const slot of [...slots.all()]) {
    if (slot.text === undefined) continue;
    const value = parsed(slot.text);
    slot.text = undefined;
    slot.value = slot.durable = value;
    slot.stored = slot.revision > 0 ? value : undefined;
    if (value !== undefined) continue;
    slots.drop(slot.key);
    onBroken(slot.key);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const emptySlot = (key: string): Slot => ({
  key,
  value: undefined,
  durable: undefined,
  stored: undefined,
  revision: 0,
  text: undefined,
  waiters: [],
});

/** `bindings.YWxp` of `bindings.YWxp` and of `bindings.YWxp.eA`. */
function userPart(key: string): string {
  const part = partAt(key);
  return part < 0 ? key : key.slice(0, part);
}

/** Where the second dot is. */
const partAt = (key: string): number => key.indexOf('.', key.indexOf('.') + 1);
