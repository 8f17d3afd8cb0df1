import type { EffectiveUser } from '@linchpin/topology';
import { CONTAINER } from './categories.ts';

export type Presentity = Pick<EffectiveUser, 'aor' | 'presencePolicy'> & {
  spec: Pick<EffectiveUser['spec'], 'containers'>;
};

export interface Watcher {
  /** For example `sip:bob@contoso.lab`. */
  aor: string;
  /** Whether the watcher is a user of this deployment. */
  sameEnterprise: boolean;
}

/** The access control entries that every user starts with (Lync bootstrapping of new users). */
const defaultEntries: ReadonlyMap<string, number> = new Map([
  ['federated', CONTAINER.external],
  ['sameEnterprise', CONTAINER.colleagues],
]);

/** From this container the watcher reads what the presentity publishes. */
export function containerFor(watcher: Watcher, presentity: Presentity): number {
  if (watcher.aor === presentity.aor) return CONTAINER.self;
  const { privacyMode } = presentity.presencePolicy;
  for (const member of membershipsOf(watcher)) {
    const container =
      highestWith(member, presentity) ?? (privacyMode ? undefined : defaultOf(member, presentity));
    if (container !== undefined) return container;
  }
  // Privacy mode: who is not listed must not learn more than that the presentity exists.
  return privacyMode ? CONTAINER.blocked : CONTAINER.default;
}

/**
 * The entries that match a watcher, most specific first: Lync searches them in this order and takes, at the first that is
 * found, the container with the highest ID (UCMA, "Relationship level determination").
 */
function membershipsOf({ aor, sameEnterprise }: Watcher): string[] {
  const domain = aor.slice(aor.lastIndexOf('@') + 1);
  return [aor, `domain:${domain}`, sameEnterprise ? 'sameEnterprise' : 'federated', 'everyone'];
}

function highestWith(member: string, { spec }: Presentity): number | undefined {
  const ids = (spec.containers ?? [])
    .filter(isForOthers)
    .filter(lists(member))
    .map(({ id }) => id);
  return ids.length === 0 ? undefined : Math.max(...ids);
}

/** An entry that the user wrote anywhere takes the place of the default one of the same kind. */
function defaultOf(member: string, { spec }: Presentity): number | undefined {
  return (spec.containers ?? []).some(lists(member)) ? undefined : defaultEntries.get(member);
}

type ContainerSpec = NonNullable<Presentity['spec']['containers']>[number];

const lists = (member: string) => {
  const wanted = member.toLowerCase();
  return ({ members }: ContainerSpec): boolean => members.some((one) => one.toLowerCase() === wanted);
};

/** Self and the aggregation inputs are the user's own; nobody else is let in by listing them there. */
const isForOthers = ({ id }: ContainerSpec): boolean =>
  id < CONTAINER.self || id > CONTAINER.workgroupAggregation;
