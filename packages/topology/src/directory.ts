// Effective views of a replica: what holds for one user or pool after precedence. Asked on every SIP request.
import type {
  AccessEdgeConfigurationSpec,
  ExternalAccessPolicySpec,
  PresencePolicySpec,
  RegistrarConfigurationSpec,
} from './kinds/configurations.ts';
import type { CredentialSpec } from './kinds/credential.ts';
import type { Member, Pool, Role } from './kinds/topology.ts';
import type { UserSpec } from './kinds/user.ts';
import type { Replica } from './replica.ts';

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
  /** By AOR as `SipUri.aor()` writes it; undefined when there is no such user. */
  user(aor: string): EffectiveUser | undefined;
  pool(name: string): Pool | undefined;
  /** The pool that has a member of this name. */
  poolOf(member: string): Pool | undefined;
  /** The members of the pool of this name; if there is none, of all pools of the role of this name. */
  poolMembers(poolOrRole: Role | (string & {})): readonly Member[];
  accessEdge(pool: string): AccessEdgeConfigurationSpec;
  registrar(pool: string): RegistrarConfigurationSpec;
}

export function createDirectory(_replica: Pick<Replica, 'get' | 'list' | 'onChange'>): Directory {
  throw new Error('not written yet');
}
