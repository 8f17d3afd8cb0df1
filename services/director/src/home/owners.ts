import { groupOf, type MemberRecord, type Members } from '@linchpin/topology';

/** Who says that it serves a user's routing group: to it a request goes without a detour. */
export interface Owners {
  /** The pod, or undefined while nobody of the pool says so. */
  of(pool: string, user: string): string | undefined;
}

/** Read from what the Front Ends announce, which may be late by a heartbeat: another Front End then passes the request on. */
export function createOwners(members: Pick<Members, 'list' | 'onChange'>): Owners {
  const pools = new Map<string, ReadonlyMap<number, string>>();
  members.onChange(() => pools.clear());
  return {
    of(pool, user) {
      let owners = pools.get(pool);
      if (owners === undefined) {
        owners = ownersIn(members.list('frontend', pool));
        pools.set(pool, owners);
      }
      return owners.get(groupOf(user));
    },
  };
}

/** Of two who claim a group the one with the higher term has taken it from the other. */
function ownersIn(records: readonly MemberRecord[]): Map<number, string> {
  const owners = new Map<number, string>();
  const terms = new Map<number, number>();
  for (const { pod, groups } of records)
    for (const [group, term] of groups?.owned ?? []) {
      if (term <= (terms.get(group) ?? -1)) continue;
      terms.set(group, term);
      owners.set(group, pod);
    }
  return owners;
}
