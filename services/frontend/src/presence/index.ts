// Presence: endpoints publish states, watchers subscribe, and what each watcher may read is told whenever it changes.
import type { Logger } from '@linchpin/host';
import type { Flow, TransactionLayer } from '@linchpin/sip';
import type { Directory } from '@linchpin/topology';
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
  /** The documents of these users, or policies that hold for them, have changed or are gone. */
  directoryChanged(users: readonly string[]): void;
  /** Takes up what an earlier process kept. Call it when the state is loaded and `bindings` answers from it. */
  restore(): void;
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
  let loaded = false;
  let resumed = false;
  const publicationExpiries = createDeadlines(now, (aor) => presentities.settle(aor));
  const watchExpiries = createDeadlines(now, (id) => watches.due(id));
  const presentities = createPresentities({
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
      publications: publications.count,
    }),
  });
  const watches = createWatches({ store, presentities, deadlines: watchExpiries, notifier, now, log });

  /** The last NOTIFY of a watch that was taken away from the watcher says that it is over, and no more. */
  function documentFor({ presentity, container, subscription }: Watch): Buffer | undefined {
    const { reason } = subscription;
    return reason === 'rejected' || reason === 'noresource'
      ? undefined
      : presentities.document(presentity, container);
  }

  function directoryChanged(users: readonly string[]): void {
    resume();
    for (const user of users) {
      const aor = user.startsWith('sip:') ? user : `sip:${user}`;
      presentities.reread(aor);
      for (const watch of [...store.of(aor), ...store.by(aor)]) watches.reauthorize(watch);
    }
  }

  function resume(): void {
    // A pod with neither a replica of its own nor CMS knows no users yet, and must not take them for gone.
    if (!loaded || resumed || directory.domains().length === 0) return;
    resumed = true;
    watches.restore();
    // In this order, so that nobody is told a change who may not read it any more.
    [...store.all()].forEach(watches.reauthorize);
    for (const aor of new Set([...publications.users(), ...store.presentities()])) presentities.settle(aor);
  }

  return {
    publish: async (call) =>
      handlePublish(call, {
        directory,
        bindings,
        publications: publications.of,
        replace: presentities.replace,
        now,
      }),
    subscribe: async (call) => handleSubscribe(call, { presentities, store, watches, contactFor, now }),
    bindingsChanged(aor) {
      // What is noticed before is looked at with everything else then, against what watchers have been told.
      if (resumed) presentities.settle(aor);
    },
    directoryChanged,
    restore() {
      loaded = true;
      resume();
    },
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
