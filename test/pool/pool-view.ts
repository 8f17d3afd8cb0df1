// Who owns what, read from the outside as an operator could: the members' own words, and the owner key of each group's store.
import type { NatsLink } from '@linchpin/host';
import type { Lab } from '@linchpin/testkit';
import { GROUPS, groupOf } from '@linchpin/topology';
import { type KV, Kvm } from '@nats-io/kv';

/** What a member says of itself in the bucket `members`. */
export interface Announced {
  pod: string;
  role: string;
  state: 'running' | 'draining';
  beat: number;
  groups?: {
    owned: [group: number, term: number][];
    warm: number[];
    backupLag: number;
    users: number;
    registrations: number;
  };
  drain?: { startedAt: string; remaining: Record<string, number> };
}

/** The value of the key `owner` in a group's store. */
export interface Owner {
  pod: string;
  term: number;
}

export interface Ownership extends Owner {
  group: number;
  /** performance.now() of this process when it was told. */
  at: number;
}

export interface PoolView {
  /** What those who were not taken away said last; of the dead it says what they said. */
  members(): Promise<Announced[]>;
  /** Told each time a member said something. */
  onMember(listener: (member: Announced) => void): void;
  owners(): Promise<Map<number, Owner>>;
  /** Who owns a group, by its store. */
  ownerOf(group: number): Promise<Owner | undefined>;
  /** Everything that is written to `owner` of a group from now on, the present one first; grows as it happens. */
  follow(group: number): Promise<readonly Ownership[]>;
  /** Begins to look anew, after the store was. */
  reset(): void;
  /** Resolves with the milliseconds it took until every group is owned by one of these pods, by none more than its share, and they say so themselves. */
  ownedBy(pods: readonly string[], milliseconds?: number): Promise<number>;
}

const wait = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Of "alice@contoso.lab". */
export const groupOfUser = (user: string): number => groupOf(`sip:${user}`);

export const groupBucketName = (pool: string, group: number): string =>
  `user-state-${pool}-${String(group).padStart(2, '0')}`;

export function createPoolView(lab: Lab, pool: string): PoolView {
  let link: Promise<NatsLink> | undefined;
  const opened = new Map<string, Promise<KV>>();
  const filled = new Set<string>();
  const listeners = new Set<(member: Announced) => void>();

  async function bucket(name: string): Promise<KV> {
    link ??= lab.natsLink('admin');
    const connection = await (await link).connection();
    const known = opened.get(name);
    if (known !== undefined) return known;
    const opening = new Kvm(connection).open(name);
    opened.set(name, opening);
    opening.catch(() => opened.delete(name));
    return opening;
  }

  async function read<T>(name: string, key: string): Promise<T | undefined> {
    try {
      const kv = await bucket(name);
      // To read of a stream that is just being made ends nats-server 2.9.
      if (!filled.has(name) && (await kv.status()).values === 0) return undefined;
      filled.add(name);
      const entry = await kv.get(key);
      return entry?.operation === 'PUT' ? (entry.json() as T) : undefined;
    } catch {
      return undefined;
    }
  }

  /** What members said last; followed, for they say it twice a second. */
  let followed: Promise<Map<string, Announced>> | undefined;
  async function followMembers(): Promise<Map<string, Announced>> {
    const said = new Map<string, Announced>();
    const watch = await (await bucket('members')).watch();
    void (async () => {
      for await (const entry of watch) {
        if (entry.operation !== 'PUT') said.delete(entry.key);
        else {
          const member = entry.json() as Announced;
          said.set(entry.key, member);
          for (const listener of listeners) listener(member);
        }
      }
    })();
    return said;
  }

  async function members(): Promise<Announced[]> {
    followed ??= followMembers();
    return [...(await followed).values()];
  }

  const ownerOf = (group: number): Promise<Owner | undefined> =>
    read<Owner>(groupBucketName(pool, group), 'owner');

  async function owners(): Promise<Map<number, Owner>> {
    const groups = Array.from({ length: GROUPS }, (_, group) => group);
    const found = await Promise.all(
      groups.map((group) => read<Owner>(groupBucketName(pool, group), 'owner')),
    );
    return new Map(found.flatMap((owner, group) => (owner === undefined ? [] : [[group, owner]])));
  }

  /** What is missing until these pods own everything; empty when nothing is. */
  async function missing(pods: readonly string[]): Promise<string> {
    const [stored, announced] = await Promise.all([owners(), members()]);
    const said = new Map(
      announced
        .filter(({ pod }) => pods.includes(pod))
        .flatMap(({ pod, groups }) => (groups?.owned ?? []).map(([group]) => [group, pod] as const)),
    );
    const wrong = Array.from({ length: GROUPS }, (_, group) => group).filter((group) => {
      const owner = stored.get(group)?.pod;
      return owner === undefined || !pods.includes(owner) || said.get(group) !== owner;
    });
    const fair = Math.ceil(GROUPS / pods.length);
    const greedy = announced
      .filter(({ pod, groups }) => pods.includes(pod) && (groups?.owned.length ?? 0) > fair)
      .map(({ pod, groups }) => `${pod} owns ${groups?.owned.length}, more than ${fair}`);
    return [...greedy, ...unowned(wrong)].join('; ');

    function unowned(groups: readonly number[]): string[] {
      return groups.map(
        (group) => `${group}: stored ${stored.get(group)?.pod}, announced ${said.get(group)}`,
      );
    }
  }

  async function follow(group: number): Promise<readonly Ownership[]> {
    const told: Ownership[] = [];
    const watch = await (await bucket(groupBucketName(pool, group))).watch({ key: 'owner' });
    void (async () => {
      for await (const entry of watch)
        if (entry.operation === 'PUT')
          told.push({ ...(entry.json() as Owner), group, at: performance.now() });
    })();
    return told;
  }

  return {
    members,
    onMember: (listener) => void listeners.add(listener),
    owners,
    ownerOf,
    follow,
    reset() {
      followed = undefined;
      opened.clear();
      filled.clear();
    },
    async ownedBy(pods, milliseconds = 20_000) {
      const begun = performance.now();
      for (;;) {
        const wrong = await missing(pods);
        if (wrong === '') return performance.now() - begun;
        if (performance.now() - begun > milliseconds)
          throw new Error(`not every group is owned by ${pods.join(', ')}: ${wrong}`);
        await wait(100);
      }
    },
  };
}
