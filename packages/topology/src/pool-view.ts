// A pool of Front Ends as its members announce it, for administrators: one way of reading the records, wherever they are read.
import {
  type DescribeUserReply,
  type GetPoolReply,
  GroupState,
  type PoolMember,
  type RoutingGroup,
} from '@linchpin/proto/frontend/v1/frontend';
import type { MemberRecord } from './members/member-record.ts';
import { GROUPS, groupOf, placement } from './routing-group.ts';

/** `records` are those of live Front Ends of the pool. What only the pods themselves know (sequences, lag of a group) is 0. */
export function poolView(pool: string, records: readonly MemberRecord[]): GetPoolReply {
  const members = records.map(memberOf).sort((a, b) => (a.pod < b.pod ? -1 : 1));
  const designated = placement(records.filter(({ state }) => state === 'running').map(({ pod }) => pod));
  const groups = Array.from({ length: GROUPS }, (_, group) =>
    groupOfPool(group, designated[group] ?? [], records),
  );
  return { pool, members, groups, quorum: quorumOf(members, groups) };
}

const memberOf = ({ pod, state, address, productVersion, groups, drain }: MemberRecord): PoolMember => ({
  pod,
  state,
  address,
  productVersion,
  users: groups?.users ?? 0,
  registrations: groups?.registrations ?? 0,
  groups: groups?.owned.length ?? 0,
  warm: groups?.warm.length ?? 0,
  backupLag: groups?.backupLag ?? 0,
  drainStartedAt: drain?.startedAt ?? '',
  drainRemaining: { ...drain?.remaining },
});

function groupOfPool(
  group: number,
  designated: readonly string[],
  records: readonly MemberRecord[],
): RoutingGroup {
  const [owner = '', term = 0] = ownerOf(group, records);
  const warm = new Set(records.filter(({ groups }) => groups?.warm.includes(group)).map(({ pod }) => pod));
  // A pod that is not meant to keep it any more still does until the others are warm.
  const keepers = [...new Set([...designated, ...warm])].filter((pod) => pod !== owner);
  const secondaries = keepers.map((pod) => ({ pod, warm: warm.has(pod), seen: 0 }));
  const isAlone = records.length < 2;
  return {
    group,
    owner,
    term,
    secondaries,
    lastSequence: 0,
    backupLag: 0,
    state: stateOf(owner, designated, isAlone || secondaries.some((copy) => copy.warm)),
  };
}

/** Whoever has the higher term has taken it from the other, who has not heard of it yet. */
function ownerOf(group: number, records: readonly MemberRecord[]): [pod: string, term: number] | [] {
  const claims = records.flatMap(({ pod, groups }) =>
    (groups?.owned ?? [])
      .filter(([owned]) => owned === group)
      .map(([, term]) => [pod, term] as [string, number]),
  );
  return claims.sort((a, b) => b[1] - a[1])[0] ?? [];
}

function stateOf(owner: string, [primary]: readonly string[], isSafe: boolean): GroupState {
  if (owner === '') return GroupState.UNOWNED;
  if (primary !== undefined && primary !== owner) return GroupState.MOVING;
  return isSafe ? GroupState.SERVED : GroupState.DEGRADED;
}

/** In words an operator understands: how much is served, then what is wrong. */
function quorumOf(members: readonly PoolMember[], groups: readonly RoutingGroup[]): string {
  const count = (state: GroupState) => groups.filter((group) => group.state === state).length;
  const unowned = count(GroupState.UNOWNED);
  const draining = members.filter(({ state }) => state === 'draining').map(({ pod }) => pod);
  return [
    `${groups.length - unowned} of ${groups.length} groups served`,
    ...about(unowned, 'is served by nobody, its users wait', 'are served by nobody, their users wait'),
    ...about(count(GroupState.MOVING), 'is moving to another pod', 'are moving to other pods'),
    ...about(count(GroupState.DEGRADED), 'has no warm secondary', 'have no warm secondary'),
    ...(members.length === 1 ? ['the pool has one member, nobody takes over when it fails'] : []),
    ...(members.length === 0 ? ['no Front End of the pool is there'] : []),
    ...(draining.length > 0
      ? [`${draining.join(', ')} ${draining.length === 1 ? 'is' : 'are'} draining`]
      : []),
  ].join('; ');
}

const about = (count: number, one: string, many: string): string[] =>
  count === 0 ? [] : [count === 1 ? `1 group ${one}` : `${count} groups ${many}`];

export type UserPlace = Pick<DescribeUserReply, 'group' | 'pool' | 'owner' | 'term' | 'secondaries' | 'why'>;

/** Where in this pool the user is, and why; `aor` is `sip:alice@contoso.lab`. */
export function placeOfUser(view: GetPoolReply, aor: string): UserPlace {
  const group = groupOf(aor);
  const found = view.groups[group] as RoutingGroup;
  const { owner, term, secondaries } = found;
  const why = `${aor} is in routing group ${group}; ${reasonOf(found, view.members)}`;
  return { group, pool: view.pool, owner, term, secondaries: secondaries.map(({ pod }) => pod), why };
}

function reasonOf({ state, owner, term, secondaries }: RoutingGroup, members: readonly PoolMember[]): string {
  const next = secondaries[0];
  const isDraining = members.some((member) => member.pod === owner && member.state === 'draining');
  switch (state) {
    case GroupState.UNOWNED:
      return `nobody owns it for now, ${next === undefined ? 'and nobody is there to take it' : `${next.pod} is to take it`}`;
    case GroupState.MOVING:
      return `${owner} owns it in term ${term} and hands it over to ${next?.pod} ${isDraining ? 'because it drains' : 'because the pool has changed'}, once that has a warm copy`;
    case GroupState.DEGRADED:
      return `${owner} is first for it and owns it in term ${term}; no other pod has a warm copy yet`;
    default:
      return `${owner} is first for it and owns it in term ${term}${next === undefined ? '' : `, then comes ${secondaries.map(({ pod }) => pod).join(', then ')}`}`;
  }
}
