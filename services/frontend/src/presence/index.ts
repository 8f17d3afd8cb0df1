// Presence: endpoints publish states, watchers subscribe, and what each watcher may read is told whenever it changes.
import type { Logger } from '@linchpin/host';
import type { Flow, TransactionLayer } from '@linchpin/sip';
import { type Directory, groupOf } from '@linchpin/topology';
import type { Registry } from 'prom-client';
import type { UserState } from '../fabric/user-state.ts';
import type { Binding } from '../registrar/binding.ts';
import type { Call } from '../signaling/call.ts';
import { createDeadlines } from './deadlines.ts';
import { createNotifier } from './notifier.ts';
import { createPresentities } from './presentities.ts';
import { createPublications } from './publications.ts';
import { handlePublish } from './publish.ts';
import { handleSubscribe } from './subscribe.ts';
import { createPresenceTelemetry } from './telemetry.ts';
import type { Watch } from './watch.ts';
import { createWatchStore } from './watch-store.ts';
import { createWatches } from './watches.ts';

export interface PresenceOptions {
  layer: Pick<TransactionLayer, 'request'>;
  state: UserState;
  directory: Pick<Directory, 'domains' | 'isLocalDomain' | 'user'>;
  /** The registered endpoints of a user. */
  bindings(aor: string): Binding[];
  /** By id, also one behind Edge and, for UDP, one from before a restart; undefined when it is gone. */
  flow(flowId: string): Flow | undefined;
  /** Our Contact URI on that flow, without angle brackets. */
  contactFor(flow: Flow): string;
  log: Pick<Logger, 'warn'>;
  metrics: Registry;
  /** Milliseconds since the epoch. */
  now?(): number;
}

export interface Presence {
  /** PUBLISH. Both reject with Refused, with SipError for what cannot be read, and with StateUnavailable. */
  publish(call: Call): Promise<void>;
  /** SUBSCRIBE, initial and within its dialog. */
  subscribe(call: Call): Promise<void>;
  /** Endpoints of this user have come or gone. */
  bindingsChanged(aor: string): void;
  /** Flows that end at this pod can be reached, for the first time or again: what could not be told there is told now. */
  wayBack(pod: string): void;
  /** The documents of these users, or policies that hold for them, have changed or are gone. */
  directoryChanged(users: readonly string[]): void;
  /** Takes up what another process kept of the group. Call it when its state is in memory and `bindings` answers from it. */
  take(group: number): void;
  /** Another Front End goes on with the group's users: forgets them here, tells nobody, and stores nothing. */
  release(group: number): void;
  describe(aor: string): PresenceDescription;
  stop(): void;
}

export interface PresenceDescription {
  availability: number;
  activity: string;
  note?: string;
  watchers: number;
}

export function createPresence(options: PresenceOptions): Presence {
  const { directory, bindings, contactFor, metrics, log, now = Date.now } = options;
  const publications = createPublications(options.state, now);
  const store = createWatchStore(options.state);
  const taken = new Set<number>();
  /** Taken while no users are known yet. */
  const waiting = new Set<number>();
  const serves = (aor: string) => taken.has(groupOf(aor));
  const publicationExpiries = createDeadlines(now, (aor) => presentities.settle(aor));
  const watchExpiries = createDeadlines(now, (id) => watches.due(id));
  const presentities = createPresentities({
    serves,
    directory,
    bindings,
    publications,
    expiries: publicationExpiries,
    now,
    onChange: (aor) => store.of(aor).forEach(notifier.review),
    log,
  });
  const notifier = createNotifier({
    layer: options.layer,
    flow: options.flow,
    contactFor,
    document: documentFor,
    reserve: (watch) => watches.reserve(watch),
    onFailure: (watch, failure) => watches.step(watch, { type: 'notify-failed', failure }),
    now,
    telemetry: createPresenceTelemetry(metrics, {
      subscriptions: () => store.size,
      publications: () => publications.count(taken),
    }),
  });
  const watches = createWatches({
    ...{ store, serves, presentities, deadlines: watchExpiries, notifier, now, log },
  });

  /** The last NOTIFY of a watch that was taken away from the watcher says that it is over, and no more. */
  function documentFor({ presentity, container, subscription }: Watch): Buffer | undefined {
    const { reason } = subscription;
    return reason === 'rejected' || reason === 'noresource'
      ? undefined
      : presentities.document(presentity, container);
  }

  function directoryChanged(users: readonly string[]): void {
    [...waiting].forEach(take);
    for (const user of users) {
      const aor = user.startsWith('sip:') ? user : `sip:${user}`;
      if (serves(aor)) presentities.reread(aor);
      for (const watch of [...store.of(aor), ...store.by(aor)]) watches.reauthorize(watch);
    }
  }

  function take(group: number): void {
    if (taken.has(group)) return;
    // A pod with neither a replica of its own nor CMS knows no users yet, and must not take them for gone.
    if (directory.domains().length === 0) return void waiting.add(group);
    waiting.delete(group);
    taken.add(group);
    const records = store.stored(group);
    const aors = new Set([...publications.users(group), ...records.map(({ presentity }) => presentity)]);
    const told = new Set([...aors].filter(presentities.settle));
    watches.take(records, (presentity) => told.has(presentity));
  }

  function release(group: number): void {
    waiting.delete(group);
    taken.delete(group);
    const watched = store.inGroup(group).map(({ presentity }) => presentity);
    watches.release(group);
    presentities.forget(new Set([...publications.users(group), ...watched]));
  }

  return {
    publish: async (call) =>
      handlePublish(call, {
        directory,
        bindings,
        publications: publications.of,
        removal: publications.removal,
        replace: presentities.replace,
        now,
      }),
    subscribe: async (call) => handleSubscribe(call, { presentities, store, watches, contactFor, now }),
    // What is noticed before its group is taken is looked at with everything else then, against what watchers have been told.
    bindingsChanged: presentities.settle,
    wayBack(pod) {
      for (const watch of store.all()) if (watch.flowId.startsWith(`${pod}/`)) notifier.review(watch);
    },
    directoryChanged,
    take,
    release,
    describe(aor) {
      const { availability, activity, notes } = presentities.state(aor);
      const note = notes[0]?.text;
      return {
        availability,
        activity,
        ...(note === undefined ? {} : { note }),
        watchers: store.of(aor).size,
      };
    },
    stop() {
      publicationExpiries.stop();
      watchExpiries.stop();
    },
  };
}
