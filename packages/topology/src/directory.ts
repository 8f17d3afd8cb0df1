// Effective views of a replica: what holds for one user or pool after precedence. Asked on every SIP request.
import type { DocumentChange } from './document.ts';
import type {
  AccessEdgeConfigurationSpec,
  ExternalAccessPolicySpec,
  PresencePolicySpec,
  RegistrarConfigurationSpec,
} from './kinds/configurations.ts';
import type { CredentialSpec } from './kinds/credential.ts';
import type { Member, Pool, Role } from './kinds/topology.ts';
import type { UserSpec } from './kinds/user.ts';
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
  readonly registrar: RegistrarConfigurationSpec;
}

export interface Directory {
  domains(): readonly string[];
  isLocalDomain(domain: string): boolean;
  /** By AOR as `SipUri.aor()` writes it; undefined when there is no such user. The view is the same object until it changes. */
  user(aor: string): EffectiveUser | undefined;
  /** The pool that has a member of this name. */
  poolOf(member: string): Pool | undefined;
  /** The members of the pool of this name; if there is none, of all pools of the role of this name. */
  poolMembers(poolOrRole: Role | (string & {})): readonly Member[];
  /** What holds for a pool, or where no pool is meant, everywhere. */
  accessEdge(pool?: string): AccessEdgeConfigurationSpec;
  registrar(pool?: string): RegistrarConfigurationSpec;
}

type Source = Pick<Replica, 'get' | 'list' | 'onChange'>;

const AOR_SCHEME = 'sip:';

export function createDirectory(replica: Source): Directory {
  const users = new Map<string, EffectiveUser>();
  let topology = indexTopology(replica);

  replica.onChange((changes) => {
    if (changes.some(({ kind }) => kind === 'Topology')) topology = indexTopology(replica);
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
      registrar: effectiveSpec(replica, 'RegistrarConfiguration', place),
    };
    users.set(aor, view);
    return view;
  }

  return {
    domains: () => topology.domains,
    isLocalDomain: (domain) => topology.isDomain.has(domain),
    user: (aor) => users.get(aor) ?? viewUser(aor),
    poolOf: (member) => topology.poolOfMember.get(member),
    poolMembers: (name) => topology.pools.get(name)?.members ?? topology.roleMembers.get(name) ?? [],
    accessEdge: (pool) => inPool('AccessEdgeConfiguration', pool),
    registrar: (pool) => inPool('RegistrarConfiguration', pool),
  };
}

const isOfOneUser = ({ kind }: DocumentChange): boolean => kind === 'User' || kind === 'Credential';

interface TopologyIndex {
  domains: readonly string[];
  isDomain: ReadonlySet<string>;
  pools: ReadonlyMap<string, Pool>;
  poolOfMember: ReadonlyMap<string, Pool>;
  roleMembers: ReadonlyMap<string, readonly Member[]>;
}

function indexTopology(replica: Source): TopologyIndex {
  const { sipDomains = [], pools = [] } = replica.get('Topology', GLOBAL)?.spec ?? {};
  return {
    domains: sipDomains,
    isDomain: new Set(sipDomains),
    pools: new Map(pools.map((pool) => [pool.name, pool])),
    poolOfMember: new Map(pools.flatMap((pool) => pool.members.map(({ name }) => [name, pool] as const))),
    roleMembers: membersByRole(pools),
  };
}

function membersByRole(pools: readonly Pool[]): Map<string, Member[]> {
  const members = new Map<string, Member[]>();
  for (const pool of pools) members.set(pool.role, [...(members.get(pool.role) ?? []), ...pool.members]);
  return members;
}
