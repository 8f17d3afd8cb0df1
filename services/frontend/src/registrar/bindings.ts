import type { Logger } from '@linchpin/host';
import { fromKeyToken, userStateKey } from '@linchpin/proto/subjects';
import { groupOf } from '@linchpin/topology';
import type { UserState } from '../fabric/user-state.ts';
import type { Binding } from './binding.ts';
import { createExpiry } from './expiry.ts';

export interface Bindings {
  /** What has not expired, in the order of registration. */
  of(aor: string): Binding[];
  /** Resolves when stored; rejects with StateUnavailable, then nothing has changed. */
  store(aor: string, bindings: Binding[]): Promise<void>;
  /** Takes out what is unwanted, and tries again while the store is away and the user is served here. */
  remove(aor: string, unwanted: (binding: Binding) => boolean, why: string): void;
  /** All users of the groups served here that have bindings. */
  users(): ReadonlyMap<string, unknown>;
  usersOf(group: number): Iterable<string>;
  /** Of all these users; counted as they change, since it is asked for again and again. */
  readonly count: number;
  /** The group is served here from now on, and its state is in memory: takes up the timers. */
  take(group: number): void;
  /** Another Front End goes on with the group: forgets its timers, and changes nothing that is stored. */
  release(group: number): void;
  stop(): void;
}

export interface BindingsParts {
  state: UserState;
  log: Logger;
  /** Bindings have ended without their endpoint's doing. */
  onRemoved(aor: string): void;
  now?: () => number;
}

const RETRY_MS = 5000;
const SCHEME = 'sip:';
const PREFIX = userStateKey('bindings', '');

export function createBindings({ state, log, onRemoved, now = Date.now }: BindingsParts): Bindings {
  /** The keys in the store of all users that have bindings, and the same users by groups that are served here. */
  const keys = new Map<string, string>();
  const groups = new Map<number, Set<string>>();
  const counts = new Map<string, number>();
  let count = 0;
  const expiry = createExpiry((aor) => remove(aor, ({ expiresAt }) => expiresAt <= now(), 'expired'), now);
  const retries = new Set<NodeJS.Timeout>();

  const keyOf = (aor: string) => keys.get(aor) ?? userStateKey('bindings', aor.slice(SCHEME.length));
  const stored = (aor: string) => state.get<Binding[]>(keyOf(aor)) ?? [];

  /** What a write that was under way leaves when its group has been released is for another Front End to see. */
  function track(aor: string): void {
    const users = groups.get(groupOf(aor));
    if (users) follow(aor, keyOf(aor), users);
  }

  function countAs(aor: string, number: number): void {
    count += number - (counts.get(aor) ?? 0);
    if (number > 0) counts.set(aor, number);
    else counts.delete(aor);
  }

  function follow(aor: string, key: string, users: Set<string>): void {
    const bindings = state.get<Binding[]>(key) ?? [];
    for (const { expiresAt } of bindings) expiry.set(aor, expiresAt);
    countAs(aor, bindings.length);
    if (bindings.length > 0) {
      keys.set(aor, key);
      users.add(aor);
    } else {
      keys.delete(aor);
      users.delete(aor);
    }
  }

  async function store(aor: string, bindings: Binding[]): Promise<void> {
    const key = keyOf(aor);
    const stored = bindings.length > 0 ? state.put(key, bindings) : state.delete(key);
    track(aor);
    try {
      await stored;
    } catch (error) {
      track(aor);
      throw error;
    }
  }

  function remove(aor: string, unwanted: (binding: Binding) => boolean, why: string): void {
    // Timers and connections outlast the group here: whoever serves it now has its own.
    if (!groups.has(groupOf(aor))) return;
    const before = stored(aor);
    const gone = before.filter(unwanted);
    if (gone.length === 0) return;
    const left = before.filter((binding) => !gone.includes(binding));
    store(aor, left).catch((error) => {
      log.warn({ aor, err: error }, 'bindings that have ended are still stored');
      // A key that is to be deleted is the store's own matter from now on.
      if (left.length > 0) later(() => remove(aor, unwanted, why));
    });
    for (const { contact, callId } of gone) log.info({ aor, contact, callId, why }, 'signed out');
    onRemoved(aor);
  }

  function later(action: () => void): void {
    const timer = setTimeout(() => {
      retries.delete(timer);
      action();
    }, RETRY_MS);
    retries.add(timer.unref());
  }

  return {
    of(aor) {
      const bindings = stored(aor);
      const time = now();
      return bindings.every(({ expiresAt }) => expiresAt > time)
        ? bindings
        : bindings.filter(({ expiresAt }) => expiresAt > time);
    },
    store,
    remove,
    users: () => keys,
    usersOf: (group) => groups.get(group) ?? [],
    get count() {
      return count;
    },
    take(group) {
      const users = new Set<string>();
      groups.set(group, users);
      for (const [key] of state.entriesOf(group, 'bindings'))
        follow(SCHEME + fromKeyToken(key.slice(PREFIX.length)), key, users);
    },
    release(group) {
      for (const aor of groups.get(group) ?? []) {
        keys.delete(aor);
        countAs(aor, 0);
      }
      groups.delete(group);
    },
    stop() {
      expiry.stop();
      for (const timer of retries) clearTimeout(timer);
    },
  };
}
