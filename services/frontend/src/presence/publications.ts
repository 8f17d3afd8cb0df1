import { fromKeyToken, userStateKey } from '@linchpin/proto/subjects';
import { livePublications, type Publication } from '@linchpin/sip';
import type { UserState } from '../fabric/user-state.ts';
import type { Binding } from '../registrar/binding.ts';
import { sameEndpoint } from './aggregation.ts';
import type { EndpointKey, EndpointState } from './categories.ts';

export interface Heard {
  /** Tells whose publication it is, if the endpoint registers only after it has published. */
  flowId: string;
  /** Milliseconds since the epoch of the last PUBLISH, refreshes included. */
  heardAt: number;
  /** Mark of that PUBLISH: it comes again where the pod that had it died before its answer arrived. */
  request?: string;
}

export type Published = Publication<EndpointState & Heard>;

/** What is kept of one user's publications. */
interface PublicationsRecord {
  publications: Published[];
  /** Mark of the state that watchers were told last; a process that starts anew knows by it whether they must be told. */
  told?: string;
  /** Mark of the last PUBLISH that removed one: it may come again like any other. Kept while there is a record anyway. */
  removal?: string;
}

export interface Publications {
  /** Those that have not expired. */
  of(aor: string): Published[];
  /** Whether the store holds just these, and none that has expired. */
  holds(aor: string, publications: readonly Published[]): boolean;
  told(aor: string): string | undefined;
  /** Mark of the last removal, as far as the user has a record since. */
  removal(aor: string): string | undefined;
  /** Resolves when durable. A user of whom there is nothing to say takes no place; `removal` stays as it was where left out. */
  put(aor: string, publications: Published[], told: string | undefined, removal?: string): Promise<void>;
  users(group: number): string[];
  /** Publications, not users. */
  count(groups: Iterable<number>): number;
}

const PREFIX = userStateKey('publications', '');
const keyOf = (aor: string): string => userStateKey('publications', aor.slice('sip:'.length));

export function createPublications(state: UserState, now: () => number): Publications {
  const record = (aor: string) => state.get<PublicationsRecord>(keyOf(aor));
  return {
    of: (aor) => livePublications(record(aor)?.publications ?? [], now()),
    holds(aor, publications) {
      const stored = record(aor)?.publications ?? [];
      return stored.length === publications.length && stored.every((one, at) => one === publications[at]);
    },
    told: (aor) => record(aor)?.told,
    removal: (aor) => record(aor)?.removal,
    put(aor, publications, told, removal = record(aor)?.removal) {
      if (publications.length === 0 && told === undefined) return state.delete(keyOf(aor));
      const value: PublicationsRecord = {
        publications,
        ...(told === undefined ? {} : { told }),
        ...(removal === undefined ? {} : { removal }),
      };
      return state.put(keyOf(aor), value);
    },
    users: (group) =>
      Array.from(
        state.entriesOf(group, 'publications'),
        ([key]) => `sip:${fromKeyToken(key.slice(PREFIX.length))}`,
      ),
    count(groups) {
      let count = 0;
      for (const group of groups)
        for (const [, { publications }] of state.entriesOf<PublicationsRecord>(group, 'publications'))
          count += livePublications(publications, now()).length;
      return count;
    },
  };
}

export function endpointOf({ contact, instance }: Binding): EndpointKey {
  return { contact, ...(instance === undefined ? {} : { instance }) };
}

/** After endpoints have come or gone: what those have said that are gone is forgotten, and newcomers get what they said before. */
export function settlePublications(
  publications: readonly Published[],
  bindings: readonly Binding[],
): Published[] {
  return publications.flatMap((one) => {
    const { endpoint, flowId } = one.state;
    if (endpoint) return bindings.some((binding) => sameEndpoint(binding, endpoint)) ? [one] : [];
    const owner = bindings.find((binding) => binding.flowId === flowId);
    return [owner ? { ...one, state: { ...one.state, endpoint: endpointOf(owner) } } : one];
  });
}
