import type { Member } from './kinds/topology.ts';
import type { Replica } from './replica.ts';

export interface Followed<L> {
  /** By pod name. */
  readonly links: ReadonlyMap<string, L>;
  stop(): void;
}

/**
 * Keeps one link to each of these members and asks for them again when the topology changes: a new member's link is
 * opened, one that moved is opened again, one that left is closed.
 */
export function followMembers<L extends { close(): void }>(
  replica: Pick<Replica, 'onChange'>,
  membersNow: () => readonly Member[],
  open: (member: Member) => L,
): Followed<L> {
  const links = new Map<string, L>();
  const addresses = new Map<string, string>();

  function drop(name: string): void {
    links.get(name)?.close();
    links.delete(name);
    addresses.delete(name);
  }

  function update(): void {
    const members = new Map(membersNow().map((member) => [member.name, member]));
    for (const [name, address] of [...addresses]) if (members.get(name)?.address !== address) drop(name);
    for (const [name, member] of members) {
      if (links.has(name)) continue;
      addresses.set(name, member.address);
      links.set(name, open(member));
    }
  }

  const off = replica.onChange((changes) => {
    if (changes.some((change) => change.kind === 'Topology')) update();
  });
  update();
  return {
    links,
    stop() {
      off();
      for (const name of [...links.keys()]) drop(name);
    },
  };
}
