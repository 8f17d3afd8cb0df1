import { userStateKey } from '@linchpin/proto/subjects';
import { groupOf } from '@linchpin/topology';
import type { UserState } from '../fabric/user-state.ts';
import { recordOf, SEQUENCE_BLOCK, type Watch, type WatchRecord } from './watch.ts';

/** All watches of presentities that are served here, in memory by whom they concern, and in the store. */
export interface WatchStore {
  get(id: string): Watch | undefined;
  /** Watches of which this is the presentity, in the order in which they began. */
  of(presentity: string): ReadonlySet<Watch>;
  /** Those that the watcher has of presentities served here; of others their own Front Ends know. */
  by(watcher: string): ReadonlySet<Watch>;
  inGroup(group: number): Watch[];
  all(): Iterable<Watch>;
  readonly size: number;
  add(watch: Watch): void;
  remove(watch: Watch): void;
  /** Resolves when durable. */
  save(watch: Watch): Promise<void>;
  erase(watch: Watch): Promise<void>;
  stored(group: number): WatchRecord[];
}

export function createWatchStore(state: UserState): WatchStore {
  const watches = new Map<string, Watch>();
  const byPresentity = new Map<string, Set<Watch>>();
  const byWatcher = new Map<string, Set<Watch>>();
  const presentities = new Map<number, Set<string>>();

  return {
    get: (id) => watches.get(id),
    of: (presentity) => byPresentity.get(presentity) ?? none,
    by: (watcher) => byWatcher.get(watcher) ?? none,
    inGroup: (group) =>
      [...(presentities.get(group) ?? [])].flatMap((presentity) => [
        ...(byPresentity.get(presentity) ?? none),
      ]),
    all: () => watches.values(),
    get size() {
      return watches.size;
    },
    add(watch) {
      watches.set(watch.id, watch);
      if (!byPresentity.has(watch.presentity))
        addTo(presentities, groupOf(watch.presentity), watch.presentity);
      addTo(byPresentity, watch.presentity, watch);
      addTo(byWatcher, watch.watcher, watch);
    },
    remove(watch) {
      watches.delete(watch.id);
      removeFrom(byPresentity, watch.presentity, watch);
      removeFrom(byWatcher, watch.watcher, watch);
      if (!byPresentity.has(watch.presentity))
        removeFrom(presentities, groupOf(watch.presentity), watch.presentity);
    },
    async save(watch) {
      const { localSeq } = watch.dialog;
      await state.put(keyOf(watch), recordOf(watch));
      watch.reserved = Math.max(watch.reserved, localSeq + SEQUENCE_BLOCK);
    },
    erase: (watch) => state.delete(keyOf(watch)),
    stored: (group) =>
      Array.from(state.entriesOf<WatchRecord>(group, 'subscription'), ([, record]) => record),
  };
}

const none: ReadonlySet<Watch> = new Set();

const keyOf = ({ presentity, id }: Watch): string =>
  userStateKey('subscription', presentity.slice('sip:'.length), id);

function addTo<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const values = index.get(key);
  if (values) values.add(value);
  else index.set(key, new Set([value]));
}

function removeFrom<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const values = index.get(key);
  values?.delete(value);
  if (values?.size === 0) index.delete(key);
}
