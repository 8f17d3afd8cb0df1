import type { Logger, NatsLink } from '@linchpin/host';
import { fromKeyToken, type userStateKey } from '@linchpin/proto/subjects';
import { groupOf } from '@linchpin/topology';
import { StateUnavailable } from '../state-unavailable.ts';
import { type Bucket, createBucket } from './bucket.ts';
import { createSlots } from './slot.ts';
import { createSlotWriter } from './slot-writer.ts';

/**
 * What this Front End keeps for its users: a warm copy in memory of the KV bucket, which survives the process.
 * Keys come from `userStateKey` of the proto package, values are plain JSON and never changed in place.
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

/** The parts of the store that only its owner uses. */
export interface OwnedUserState extends UserState {
  /** Resolves when everything stored is in memory, or after `close`; waits for NATS as long as it takes. */
  load(): Promise<void>;
  readonly loaded: boolean;
  close(): void;
}

export interface UserStateOptions {
  nats: NatsLink;
  replicas: number;
  log: Logger;
  /** Milliseconds that a write waits for a store that is away. */
  patience?: number;
  /** Told with each write how many seconds it took, and whether it is stored. */
  onWrite?(seconds: number, stored: boolean): void;
  bucket?: Bucket;
}

const LOAD_RETRY_MS = 500;

export function createUserState({
  nats,
  replicas,
  log,
  patience = 5000,
  ...options
}: UserStateOptions): OwnedUserState {
  const bucket = options.bucket ?? createBucket(nats, replicas);
  const slots = createSlots();
  const writer = createSlotWriter({ bucket, patience, onGone: slots.drop });
  let stopSettling = () => {};
  let loaded = false;
  let closed = false;
  let incarnation = '';

  async function loadOnce(): Promise<void> {
    incarnation = await bucket.open();
    for (const { key, text, revision } of await bucket.load()) {
      if (text === '') continue;
      const value: unknown = JSON.parse(text);
      Object.assign(slots.take(key), { revision, value, durable: value });
    }
    loaded = true;
    stopSettling = nats.onConnected(() => void reopen());
  }

  /** NATS is back, perhaps without what it had: then it gets everything again. */
  async function reopen(): Promise<void> {
    try {
      const found = await bucket.open();
      if (found !== incarnation) writer.refill(slots.all());
      incarnation = found;
      writer.settle();
    } catch (error) {
      if (closed) return;
      log.warn({ err: error }, 'the user state cannot be opened');
      setTimeout(() => void reopen(), LOAD_RETRY_MS).unref();
    }
  }

  async function load(): Promise<void> {
    while (!closed && !loaded) {
      try {
        await loadOnce();
      } catch (error) {
        if (!closed) log.warn({ err: error }, 'cannot read the user state yet');
        await new Promise((resolve) => setTimeout(resolve, LOAD_RETRY_MS));
      }
    }
  }

  function write(key: string, value: unknown): Promise<void> {
    if (!loaded || closed) return Promise.reject(new StateUnavailable('the user state is not loaded'));
    const slot = slots.take(key);
    slot.value = value;
    const from = performance.now();
    const tell = (stored: boolean) => options.onWrite?.((performance.now() - from) / 1000, stored);
    return new Promise((resolve, reject) => {
      writer.enqueue(slot, {
        done() {
          tell(true);
          resolve();
        },
        failed(error) {
          tell(false);
          reject(error);
        },
      });
    });
  }

  return {
    get loaded() {
      return loaded;
    },
    load,
    get: <T>(key: string) => slots.get(key)?.value as T | undefined,
    put: write,
    delete: (key) => (loaded && !slots.get(key) ? Promise.resolve() : write(key, undefined)),
    entries: slots.entries,
    *entriesOf<T>(group: number, facet: Facet) {
      for (const entry of slots.entries<T>(`${facet}.`))
        if (groupOf(`sip:${fromKeyToken(entry[0].split('.')[1] ?? '')}`) === group) yield entry;
    },
    close() {
      closed = true;
      stopSettling();
      bucket.close();
    },
  };
}
