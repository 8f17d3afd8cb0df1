import type { Group } from './group.ts';
import type { GroupPhase } from './group-machine.ts';
import type { Routing } from './routing.ts';

export interface FabricState {
  pool: string;
  pod: string;
  /** `left` in milliseconds. */
  lease: { held: boolean; left: number };
  /** In the order of their numbers. */
  groups: GroupState[];
  /** One sentence: how many groups are served, and what is missing. */
  quorum: string;
}

export interface GroupState {
  group: number;
  /** Empty while nobody owns it. */
  owner: string;
  term: number;
  /** Who is to serve it, then who keeps a copy. */
  placement: readonly string[];
  /** Pods beside the owner that have all there is. */
  warm: string[];
  /** Of the group's stream, as far as this pod has seen it; 0 where it does not follow the group. */
  lastSequence: number;
  /** What the group is on this pod. */
  here: GroupPhase;
  state: 'served' | 'unowned' | 'moving' | 'degraded';
}

export function describeGroup(number: number, group: Group, routing: Routing): GroupState {
  const owner = routing.owner(number);
  const placed = routing.placement(number);
  const warm = routing.warm(number).filter((pod) => pod !== owner?.pod);
  return {
    group: number,
    owner: owner?.pod ?? '',
    term: owner?.term ?? group.term,
    placement: placed,
    warm,
    lastSequence: group.lastSequence,
    here: group.phase,
    state: stateOf(owner?.pod, placed, warm),
  };
}

function stateOf(
  owner: string | undefined,
  [primary]: readonly string[],
  warm: readonly string[],
): GroupState['state'] {
  if (owner === undefined) return 'unowned';
  if (primary !== undefined && primary !== owner) return 'moving';
  return warm.length === 0 ? 'degraded' : 'served';
}

/** `30 of 32 routing groups are served, 2 wait for an owner; 4 have no copy that could take over` */
export function quorumText(groups: FabricState['groups']): string {
  const count = (state: GroupState['state']) => groups.filter((group) => group.state === state).length;
  const unowned = count('unowned');
  const served = `${groups.length - unowned} of ${groups.length} routing groups are served`;
  const waiting = unowned > 0 ? `, ${unowned} wait for an owner` : '';
  const alone = count('degraded');
  return `${served}${waiting}${alone > 0 ? `; ${alone} have no copy that could take over` : ''}`;
}
