// Effective views of a replica: what holds for one user or pool after precedence. Asked on every SIP request.
import type { DocumentChange } from './document.ts';
import type {
  AccessEdgeConfigurationSpec,
  ExternalAccessPolicySpec,
  PresencePolicySpec,
  RegistrarConfigurationSpec,
} from './kinds/configurations.ts';
import type { CredentialSpec } from './kinds/credential.ts';
import type { PersistentChatConfigurationSpec, PersistentChatPolicySpec } from './kinds/persistent-chat.ts';
import { type Member, type Pool, type Role, roles } from './kinds/topology.ts';
import type { UserSpec } from './kinds/user.ts';
import type { Members } from './members/members.ts';
import { effectiveSpec, type Place } from './precedence.ts';
import type { Replica } from './replica.ts';
import { GLOBAL, type ScopedKind } from './schema.ts';

export interface EffectiveUser {
  /** `sip:alice@contoso.lab` */
  readonly aor: string;
  readonly spec: UserSpec;
  readonly credential: CredentialSpec | undefined;
  readonly presencePolicy: PresencePolicySpec;
  readonly externalAccessPolicy: ExternalAccessPolicySpec;
  readonly persistentChatPolicy: PersistentChatPolicySpec;
  readonly registrar: RegistrarConfigurationSpec;
}

export interface Directory {
  domains(): readonly string[];
  isLocalDomain(domain: string): boolean;
  /** By AOR as `SipUri.aor()` writes it; undefined when there is no such user. The view is the same object until it changes. */
  user(aor: string): EffectiveUser | undefined;
  /** The pool that has a member of this name: the one it announced, else the one that lists it. */
  poolOf(member: string): MembersPool | undefined;
  /**
   * The members of the pool of this name; if there is none, of all pools of the role of this name. Those that the topology lists
   * and those that have announced themselves; the same array until something changes.
   */
  poolMembers(poolOrRole: Role | (string & {})): readonly Member[];
  /** The members of all pools of a role. */
  roleMembers(role: Role): readonly Member[];
  /** The pool that gets what this one does not serve itself, where the topology names one. */
  nextHop(pool: string): string | undefined;
  /** What holds for a pool, or where no pool is meant, everywhere. */
  accessEdge(pool?: string): AccessEdgeConfigurationSpec;
  registrar(pool?: string): RegistrarConfigurationSpec;
  persistentChat(pool?: string): PersistentChatConfigurationSpec;
  /** Names of the groups that a user (`alice@contoso.lab`) is in; the same array until something changes. */
  groupsOf(user: string): readonly string[];
  /** Members of a group; undefined when there is no such group. */
  group(name: string): readonly string[] | undefined;
}

/** A pool may be known from its members alone, by no topology. */
export type MembersPool = Pick<Pool, 'name' | 'role'>;

type Source = Pick<Replica, 'get' | 'list' | 'onChange'>;

const AOR_SCHEME = 'sip:';

/** With `announced` what pods say of themselves is added to what the topology lists, and wins. */
export function createDirectory(replica: Source, announced: Announced = nobody): Directory {
  const users = new Map<string, EffectiveUser>();
  const memberLists = new Map<string, readonly Member[]>();
  let topology = indexTopology(replica);
  /** Made when first asked for: most roles never ask. */
  let groups: ReadonlyMap<string, readonly string[]> | undefined;

  announced.onChange(() => memberLists.clear());

  replica.onChange((changes) => {
    if (changes.some(({ kind }) => kind === 'Topology')) {
      topology = indexTopology(replica);
      memberLists.clear();
    }
    if (changes.some(({ kind }) => kind === 'Group')) groups = undefined;
    if (changes.every(isOfOneUser)) for (const { name } of changes) users.delete(AOR_SCHEME + name);
    else users.clear();
  });

  const placeOf = (pool: string | undefined): Place => ({
    pool,
    site: pool === undefined ? undefined : topology.pools.get(pool)?.site,
  });
  const inPool = <K extends ScopedKind>(kind: K, pool: string | undefined) =>
    effectiveSpec(replica, kind, placeOf(pool));

  // Only users that exist are remembered, so a flood of made-up names costs no memory.
  function viewUser(aor: string): EffectiveUser | undefined {
    const document = aor.startsWith(AOR_SCHEME)
      ? replica.get('User', aor.slice(AOR_SCHEME.length))
      : undefined;
    if (document === undefined) return undefined;
    const { name, spec } = document;
    const place = placeOf(spec.pool);
    const view: EffectiveUser = {
      aor,
      spec,
      credential: replica.get('Credential', name)?.spec,
      presencePolicy: effectiveSpec(replica, 'PresencePolicy', { ...place, tag: spec.policies?.presence }),
      externalAccessPolicy: effectiveSpec(replica, 'ExternalAccessPolicy', {
        ...place,
        tag: spec.policies?.externalAccess,
      }),
      persistentChatPolicy: effectiveSpec(replica, 'PersistentChatPolicy', {
        ...place,
        tag: spec.policies?.persistentChat,
      }),
      registrar: effectiveSpec(replica, 'RegistrarConfiguration', place),
    };
    users.set(aor, view);
    return view;
  }

  function poolOf(member: string): MembersPool | undefined {
    const listed = topology.poolOfMember.get(member);
    const record = announced.get(member);
    // A name that the topology gives to another role is not taken over by announcing it.
    if (record === undefined || (listed !== undefined && listed.role !== record.role)) return listed;
    return { name: record.pool, role: record.role };
  }

  const isIn = (pool: string | undefined, role: Role) => (member: Member) => {
    const now = poolOf(member.name);
    return now?.role === role && (pool === undefined || now.name === pool);
  };

  function membersOf(role: Role, pool?: string): readonly Member[] {
    const listed = [...topology.pools.values()].filter(
      (each) => each.role === role && (pool ?? each.name) === each.name,
    );
    const found = announced.list(role, pool).map(({ pod, address }) => ({ name: pod, address }));
    const all = [...listed.flatMap(({ members }) => members), ...found].filter(isIn(pool, role));
    return [...new Map(all.map((member) => [member.name, member])).values()];
  }

  function listMembers(name: string): readonly Member[] {
    const role = topology.pools.get(name)?.role;
    if (role !== undefined) return membersOf(role, name);
    if (isRole(name)) return membersOf(name);
    return roles.flatMap((each) => membersOf(each, name));
  }

  function remembered(key: string, list: () => readonly Member[]): readonly Member[] {
    const known = memberLists.get(key);
    if (known !== undefined) return known;
    const made = list();
    // What is asked for are names of pools, of which a topology has at most a thousand.
    memberLists.set(key, made);
    return made;
  }

  return {
    domains: () => topology.domains,
    isLocalDomain: (domain) => topology.isDomain.has(domain),
    user: (aor) => users.get(aor) ?? viewUser(aor),
    poolOf,
    poolMembers: (name) => remembered(name, () => listMembers(name)),
    roleMembers: (role) => remembered(`role ${role}`, () => membersOf(role)),
    nextHop: (pool) => topology.pools.get(pool)?.nextHop,
    accessEdge: (pool) => inPool('AccessEdgeConfiguration', pool),
    registrar: (pool) => inPool('RegistrarConfiguration', pool),
    persistentChat: (pool) => inPool('PersistentChatConfiguration', pool),
    groupsOf(user) {
      groups ??= indexGroups(replica);
      return groups.get(user) ?? none;
    },
    group: (name) => replica.get('Group', name)?.spec.members,
  };
}

type Announced = Pick<Members, 'list' | 'get' | 'onChange'>;

const nobody: Announced = { list: () => [], get: () => undefined, onChange: () => () => {} };

const isRole = (name: string): name is Role => (roles as readonly string[]).includes(name);

const none: readonly string[] = [];

function indexGroups(replica: Source): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { name, spec } of replica.list('Group'))
    for (const member of spec.members) {
      const of = groups.get(member);
      if (of) of.push(name);
      else groups.set(member, [name]);
    }
  return groups;
}

const isOfOneUser = ({ kind }: DocumentChange): boolean =>
  kind === 'User' || kind === 'Credential' || kind === 'Group';

interface TopologyIndex {
  domains: readonly string[];
  isDomain: ReadonlySet<string>;
  pools: ReadonlyMap<string, Pool>;
  poolOfMember: ReadonlyMap<string, Pool>;
}

function indexTopology(replica: Source): TopologyIndex {
  const { sipDomains = [], pools = [] } = replica.get('Topology', GLOBAL)?.spec ?? {};
  return {
    domains: sipDomains,
    isDomain: new Set(sipDomains),
    pools: new Map(pools.map((pool) => [pool.name, pool])),
    poolOfMember: new Map(pools.flatMap((pool) => pool.members.map(({ name }) => [name, pool] as const))),
  };
}
