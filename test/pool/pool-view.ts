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
  members(): Promise<Announced[]>;
  owners(): Promise<Map<number, Owner>>;
  /** Who owns a group, by its store. */
  ownerOf(group: number): Promise<Owner | undefined>;
  /** Everything that is written to `owner` of a group from now on, the present one first; grows as it happens. */
  follow(group: number): Promise<readonly Ownership[]>;
  /** Resolves with the milliseconds it took until every group is owned by one of these pods, and they say so themselves. */
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
      const entry = await (await bucket(name)).get(key);
      return entry?.operation === 'PUT' ? (entry.json() as T) : undefined;
    } catch {
      return undefined;
    }
  }

  async function members(): Promise<Announced[]> {
    const kv = await bucket('members').catch(() => undefined);
    if (kv === undefined) return [];
    const keys: string[] = [];
    for await (const key of await kv.keys()) keys.push(key);
    const values = await Promise.all(keys.map((key) => read<Announced>('members', key)));
    return values.filter((member) => member !== undefined);
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
      announced.flatMap(({ pod, groups }) => (groups?.owned ?? []).map(([group]) => [group, pod] as const)),
    );
    const wrong = Array.from({ length: GROUPS }, (_, group) => group).filter((group) => {
      const owner = stored.get(group)?.pod;
      return owner === undefined || !pods.includes(owner) || said.get(group) !== owner;
    });
    return wrong
      .map((group) => `${group}: stored ${stored.get(group)?.pod}, announced ${said.get(group)}`)
      .join('; ');
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
    owners,
    ownerOf,
    follow,
    async ownedBy(pods, milliseconds = 20_000) {
      const begun = performance.now();
      for (;;) {
        const wrong = await missing(pods);
        if (wrong === '') return performance.now() - begun;
        if (performance.now() - begun > milliseconds)
          throw new Error(`not every group is owned by ${pods.join(', ')}: ${wrong}`);
        await wait(50);
      }
    },
  };
}
