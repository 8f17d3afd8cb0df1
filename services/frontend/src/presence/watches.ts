import { type SubscriptionAction, type SubscriptionInput, stepSubscription } from '@linchpin/sip';
import { StateUnavailable } from '../state-unavailable.ts';
import type { Deadlines } from './deadlines.ts';
import type { Notifier } from './notifier.ts';
import type { Presentities } from './presentities.ts';
import { createWatch, resumeWatch, type Watch, type WatchRecord } from './watch.ts';
import type { WatchStore } from './watch-store.ts';

/** The life of watches, from their first SUBSCRIBE to their last NOTIFY. */
export interface Watches {
  /** Resolves when stored, which must be before the 200; no NOTIFY is sent yet. Both reject with StateUnavailable. */
  begin(record: WatchRecord): Promise<Watch>;
  /** Resolves when stored, with what to do once the 200 is sent; undefined when the watch has ended meanwhile. */
  refresh(watch: Watch, expires: number): Promise<SubscriptionAction[] | undefined>;
  perform(watch: Watch, actions: readonly SubscriptionAction[]): void;
  step(watch: Watch, input: SubscriptionInput): void;
  /** Reserves CSeq numbers for it. Never rejects: while the store is away, it is tried again. */
  reserve(watch: Watch): Promise<void>;
  /** The time set for this watch has come. */
  due(id: string): void;
  /** Asks again whether the watcher may watch, and what it may read, and tells it if that has changed. */
  reauthorize(watch: Watch): void;
  /** Takes up what another process kept, and tells who was told something else last, or may read something else now. */
  take(records: readonly WatchRecord[], isTold: (presentity: string) => boolean): void;
  /** Forgets the group's watches as they stand: their dialogs go on elsewhere. */
  release(group: number): void;
}

export interface WatchesOptions {
  store: WatchStore;
  /** Whether the presentity's group is served here. */
  serves(presentity: string): boolean;
  presentities: Pick<Presentities, 'enabled' | 'mayWatch' | 'containerFor' | 'document'>;
  deadlines: Pick<Deadlines, 'set' | 'delete'>;
  notifier: Notifier;
  now(): number;
  log: { warn(fields: object, message: string): void };
}

/** Until a write that the store did not take is tried again. */
const RETRY_MS = 5000;

export function createWatches({
  store,
  serves,
  presentities,
  deadlines,
  notifier,
  now,
  log,
}: WatchesOptions): Watches {
  function live(watch: Watch): Watch {
    store.add(watch);
    deadlines.set(watch.id, watch.subscription.expiresAt);
    return watch;
  }

  function advance(watch: Watch, input: SubscriptionInput): SubscriptionAction[] {
    const [next, actions] = stepSubscription(watch.subscription, input);
    watch.subscription = next;
    return actions;
  }

  function perform(watch: Watch, actions: readonly SubscriptionAction[]): void {
    if (actions.includes('remove')) drop(watch);
    if (actions.includes('notify')) notifier.notify(watch);
  }

  function step(watch: Watch, input: SubscriptionInput): void {
    if (watch.released) return;
    perform(watch, advance(watch, input));
  }

  function drop(watch: Watch): void {
    store.remove(watch);
    deadlines.delete(watch.id);
    store.erase(watch).catch(warn);
  }

  // What is in memory holds. After a restart an older record comes back, and the watcher's next answer or SUBSCRIBE settles it.
  function warn(error: unknown): void {
    log.warn({ err: error }, 'a presence subscription is not stored as it is');
  }

  /** A dialog that has moved while the store was written to is not over: its watcher shall ask again (RFC 6665 4.1.2.2). */
  function isLive(watch: Watch): boolean {
    if (watch.released) throw moved();
    return store.get(watch.id) === watch;
  }

  async function begin(record: WatchRecord): Promise<Watch> {
    const watch = createWatch(record);
    await store.save(watch);
    if (!serves(record.presentity)) throw moved();
    return live(watch);
  }

  async function refresh(watch: Watch, expires: number): Promise<SubscriptionAction[] | undefined> {
    if (expires === 0) await store.erase(watch);
    if (!isLive(watch)) return undefined;
    const actions = advance(watch, { type: 'refresh', expires, now: now() });
    if (expires === 0) return actions;
    live(watch);
    await store.save(watch);
    return isLive(watch) ? actions : undefined;
  }

  async function reserve(watch: Watch): Promise<void> {
    try {
      await store.save(watch);
    } catch (error) {
      warn(error);
      if (store.get(watch.id))
        deadlines.set(watch.id, Math.min(now() + RETRY_MS, watch.subscription.expiresAt));
    }
  }

  function due(id: string): void {
    const watch = store.get(id);
    if (!watch) return;
    step(watch, { type: 'expiry', now: now() });
    if (watch.subscription.state === 'terminated') return;
    deadlines.set(id, watch.subscription.expiresAt);
    notifier.review(watch);
  }

  function reauthorize(watch: Watch): void {
    const presentity = presentities.enabled(watch.presentity);
    if (!presentity) return step(watch, { type: 'terminate', reason: 'noresource' });
    if (!presentities.mayWatch(watch.watcher)) return step(watch, { type: 'terminate', reason: 'rejected' });
    const container = presentities.containerFor(watch.watcher, presentity);
    if (container !== watch.container) move(watch, container);
    notifier.review(watch);
  }

  function move(watch: Watch, container: number): void {
    watch.container = container;
    store.save(watch).catch(warn);
  }

  function take(records: readonly WatchRecord[], isTold: (presentity: string) => boolean): void {
    for (const record of records) {
      const watch = live(resumeWatch(record));
      const { presentity, container } = watch;
      // Who left is told nothing more than that, so there is no document to compare with.
      if (isTold(presentity) && presentities.enabled(presentity))
        watch.told = presentities.document(presentity, container);
      reauthorize(watch);
    }
  }

  function release(group: number): void {
    for (const watch of store.inGroup(group)) {
      watch.released = true;
      store.remove(watch);
      deadlines.delete(watch.id);
    }
  }

  return {
    begin,
    refresh,
    perform,
    step,
    reserve,
    due,
    reauthorize,
    take,
    release,
  };
}

const moved = (): StateUnavailable => new StateUnavailable('another Front End serves the presentity now');
