import { nextExpiry } from '@linchpin/sip';
import type { Directory, EffectiveUser } from '@linchpin/topology';
import type { Binding } from '../registrar/binding.ts';
import type { AggregationInput } from './aggregation.ts';
import type { AggregateState } from './categories.ts';
import { containerFor } from './containers.ts';
import type { Deadlines } from './deadlines.ts';
import { createPortraits, markOf } from './portraits.ts';
import { endpointOf, type Publications, type Published, settlePublications } from './publications.ts';

/** Until what the store did not take is tried again. */
const RETRY_MS = 5000;

/**
 * What was published just now may be stored and yet not told: the process that stored it tells watchers after that. In
 * milliseconds, with the time in which clocks differ.
 */
const TELLING_MS = 10_000;

/** The users of this Front End as those whose presence can be watched. */
export interface Presentities {
  /** Undefined for whoever is not, or no longer, a user who may sign in. */
  enabled(aor: string): EffectiveUser | undefined;
  /** Whether the watcher, if one of ours, is still a user who may sign in. */
  mayWatch(watcher: string): boolean;
  containerFor(watcher: string, presentity: EffectiveUser): number;
  state(aor: string): AggregateState;
  document(aor: string, container: number): Buffer;
  /** Resolves when stored, and calls `onChange`. `removal` is the mark of the PUBLISH that has removed one. */
  replace(aor: string, published: Published[], removal?: string): Promise<void>;
  /**
   * Endpoints have come or gone, publications have expired, or the user has just been taken over. False where watchers may
   * have been told last something else than what is true now, be it by another process.
   */
  settle(aor: string): boolean;
  /** The user's document or policies have changed. */
  reread(aor: string): void;
  /** Forgets what is only here of these users. */
  forget(aors: Iterable<string>): void;
}

export interface PresentitiesOptions {
  /** Whether the user's group is served here. */
  serves(aor: string): boolean;
  directory: Pick<Directory, 'isLocalDomain' | 'user'>;
  bindings(aor: string): Binding[];
  publications: Publications;
  expiries: Pick<Deadlines, 'set' | 'delete'>;
  now(): number;
  /** What some watcher may read of this presentity has changed, or may have. */
  onChange(aor: string): void;
  log: { warn(fields: object, message: string): void };
}

export function createPresentities(options: PresentitiesOptions): Presentities {
  const { serves, directory, bindings, publications, expiries, onChange, now, log } = options;
  const portraits = createPortraits({
    user: (aor) => directory.user(aor),
    input: (aor) => inputOf(aor, publications.of(aor)),
  });

  function inputOf(aor: string, published: readonly Published[]): AggregationInput {
    return { publications: published.map(({ state }) => state), registered: bindings(aor).map(endpointOf) };
  }

  function enabled(aor: string): EffectiveUser | undefined {
    const user = directory.user(aor);
    return user?.spec.enabled ? user : undefined;
  }

  const isLocal = (aor: string): boolean => directory.isLocalDomain(aor.slice(aor.lastIndexOf('@') + 1));

  /** What the store did not take is as it was before, so it is looked at once more. */
  const tryAgain = (aor: string) => (error: unknown) => {
    log.warn({ err: error, user: aor }, 'the presence of a user is not stored as it is');
    expiries.set(aor, now() + RETRY_MS);
  };

  async function replace(aor: string, published: Published[], removal?: string): Promise<void> {
    await publications.put(aor, published, markOf(inputOf(aor, published)), removal);
    changed(aor);
  }

  function settle(aor: string): boolean {
    // Timers and writes outlast the group here: whoever serves it now settles it.
    if (!serves(aor)) return true;
    const settled = settlePublications(publications.of(aor), bindings(aor));
    const mark = markOf(inputOf(aor, settled));
    const wasTold = mark === publications.told(aor);
    if (!wasTold || !publications.holds(aor, settled)) {
      publications.put(aor, settled, mark).catch(tryAgain(aor));
    }
    changed(aor);
    return wasTold && !settled.some(isFresh);
  }

  const isFresh = ({ state }: Published): boolean => state.publishedAt > now() - TELLING_MS;

  function changed(aor: string): void {
    if (!serves(aor)) return;
    const expiry = nextExpiry(publications.of(aor));
    if (expiry === undefined) expiries.delete(aor);
    else expiries.set(aor, expiry);
    portraits.update(aor);
    onChange(aor);
  }

  return {
    enabled,
    mayWatch: (watcher) => !isLocal(watcher) || enabled(watcher) !== undefined,
    containerFor: (watcher, presentity) =>
      containerFor({ aor: watcher, sameEnterprise: isLocal(watcher) }, presentity),
    state: portraits.state,
    document: portraits.document,
    replace,
    settle,
    reread(aor) {
      // What endpoints of a user said who may not sign in any more is not said again when the user comes back.
      if (!enabled(aor) && publications.of(aor).length > 0) replace(aor, []).catch(tryAgain(aor));
      portraits.update(aor);
    },
    forget(aors) {
      for (const aor of aors) expiries.delete(aor);
      portraits.forget(aors);
    },
  };
}
