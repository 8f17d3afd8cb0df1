import type { Member } from './kinds/topology.ts';
import type { Members } from './members/members.ts';
import type { Replica } from './replica.ts';

export interface Followed<L> {
  /** By pod name. */
  readonly links: ReadonlyMap<string, L>;
  stop(): void;
}

export interface Link {
  close(): void;
  /** Something can be sent on it now. */
  readonly up?: boolean;
}

const LINGERING_CHECK_MS = 1_000;

/**
 * Keeps one link to each of these members and asks for them again when the topology changes or, with `announced`, a pod comes
 * or goes: a new member's link is opened, one that moved is opened again, one that the topology left out is closed. The link of
 * a pod that is not announced any more is closed when it breaks: who lost only NATS may still hold clients.
 */
export function followMembers<L extends Link>(
  replica: Pick<Replica, 'onChange'>,
  membersNow: () => readonly Member[],
  open: (member: Member) => L,
  announced?: Pick<Members, 'onChange'>,
): Followed<L> {
  const links = new Map<string, L>();
  const addresses = new Map<string, string>();
  let lingering: NodeJS.Timeout | undefined;

  function drop(name: string): void {
    links.get(name)?.close();
    links.delete(name);
    addresses.delete(name);
  }

  function follow({ name, address }: Member): void {
    const known = addresses.get(name);
    if (known === address) return;
    if (known !== undefined) drop(name);
    addresses.set(name, address);
    links.set(name, open({ name, address }));
  }

  function update(stays: (link: L | undefined) => boolean): void {
    clearTimeout(lingering);
    const members = membersNow();
    const names = new Set(members.map(({ name }) => name));
    const gone = [...links.keys()].filter((name) => !names.has(name));
    for (const name of gone) if (!stays(links.get(name))) drop(name);
    members.forEach(follow);
    if (links.size > names.size) lingering = setTimeout(membersChanged, LINGERING_CHECK_MS);
  }

  const topologyChanged = (): void => update(() => false);
  const membersChanged = (): void => update((link) => link?.up === true);

  const offReplica = replica.onChange((changes) => {
    if (changes.some((change) => change.kind === 'Topology')) topologyChanged();
  });
  const offMembers = announced?.onChange(membersChanged);
  topologyChanged();
  return {
    links,
    stop() {
      offReplica();
      offMembers?.();
      clearTimeout(lingering);
      for (const name of [...links.keys()]) drop(name);
    },
  };
}
