import type { Logger } from '@linchpin/host';
import { fromKeyToken, userStateKey } from '@linchpin/proto/subjects';
import type { UserState } from '../fabric/user-state.ts';
import type { Binding } from './binding.ts';
import { createExpiry } from './expiry.ts';

export interface Bindings {
  /** What has not expired, in the order of registration. */
  of(aor: string): Binding[];
  /** Resolves when stored; rejects with StateUnavailable, then nothing has changed. */
  store(aor: string, bindings: Binding[]): Promise<void>;
  /** Takes out what is unwanted, and tries again while the store is away. */
  remove(aor: string, unwanted: (binding: Binding) => boolean, why: string): void;
  /** All users that have bindings. */
  users(): ReadonlyMap<string, unknown>;
  /** After the state was loaded: takes up the timers. */
  restore(): void;
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
  /** The keys in the store of all users that have bindings. */
  const keys = new Map<string, string>();
  const expiry = createExpiry((aor) => remove(aor, ({ expiresAt }) => expiresAt <= now(), 'expired'), now);
  const retries = new Set<NodeJS.Timeout>();

  const keyOf = (aor: string) => keys.get(aor) ?? userStateKey('bindings', aor.slice(SCHEME.length));
  const stored = (aor: string) => state.get<Binding[]>(keyOf(aor)) ?? [];

  function track(aor: string): void {
    const bindings = stored(aor);
    for (const { expiresAt } of bindings) expiry.set(aor, expiresAt);
    if (bindings.length > 0) keys.set(aor, keyOf(aor));
    else keys.delete(aor);
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
    restore() {
      for (const [key] of state.entries(PREFIX)) track(SCHEME + fromKeyToken(key.slice(PREFIX.length)));
    },
    stop() {
      expiry.stop();
      for (const timer of retries) clearTimeout(timer);
    },
  };
}
