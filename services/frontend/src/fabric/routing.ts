import { GROUPS, type MemberRecord, placement } from '@linchpin/topology';
import type { PoolMembers } from './pool-members.ts';

export interface GroupOwner {
  pod: string;
  term: number;
}

/** Who serves which group, and who is to, as the members of the pool say. */
export interface Routing {
  /** Takes up what the members say now. */
  update(): void;
  /** The live pod that claims the group with the highest term. */
  owner(group: number): GroupOwner | undefined;
  /** As `owner`, where that is another pod. */
  rival(group: number): GroupOwner | undefined;
  /** Who is to serve the group, then who is to keep a copy. */
  placement(group: number): readonly string[];
  /** Pods that have all there is of the group, the owner left out. */
  warm(group: number): string[];
  /** No other Front End of the pool is known. */
  readonly isAlone: boolean;
  /** Somebody else is there who could take what this pod gives away. */
  readonly hasHeirs: boolean;
}

export interface RoutingOptions {
  pool: string;
  pod: string;
  members: PoolMembers;
  /** This pod is not to serve anybody any more. */
  isLeaving(): boolean;
}

export function createRouting({ pool, pod, members, isLeaving }: RoutingOptions): Routing {
  let live: readonly MemberRecord[] = [];
  let owners = new Map<number, GroupOwner>();
  let placed = placement([]);
  let placedFor = '';

  function place(): void {
    const running = live.filter(
      (member) => member.state === 'running' && !(member.pod === pod && isLeaving()),
    );
    const pods = running.map((member) => member.pod).sort();
    if (pods.join(' ') === placedFor) return;
    placed = placement(pods);
    placedFor = pods.join(' ');
  }

  return {
    update() {
      live = members.list('frontend', pool);
      owners = ownersOf(live);
      place();
    },
    owner: (group) => owners.get(group),
    rival(group) {
      const owner = owners.get(group);
      return owner?.pod === pod ? undefined : owner;
    },
    placement: (group) => placed[group] ?? [],
    warm: (group) => live.filter(({ groups }) => groups?.warm.includes(group)).map((member) => member.pod),
    get isAlone() {
      return live.every((member) => member.pod === pod);
    },
    get hasHeirs() {
      return live.some((member) => member.pod !== pod && member.state === 'running');
    },
  };
}

function ownersOf(live: readonly MemberRecord[]): Map<number, GroupOwner> {
  const owners = new Map<number, GroupOwner>();
  for (const { pod, groups } of live)
    for (const [group, term] of groups?.owned ?? [])
      if (group < GROUPS && term > (owners.get(group)?.term ?? 0)) owners.set(group, { pod, term });
  return owners;
}
