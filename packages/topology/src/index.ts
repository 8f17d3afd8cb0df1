export type { Directory, EffectiveUser } from './directory.ts';
export { createDirectory } from './directory.ts';
export type { Document, DocumentChange, Kind, Problem, Specs } from './document.ts';
export { TopologyError } from './document.ts';
export type {
  AccessEdgeConfigurationSpec,
  DigestAlgorithm,
  ExternalAccessPolicySpec,
  PresencePolicySpec,
  RegistrarConfigurationSpec,
} from './kinds/configurations.ts';
export type { CredentialSpec } from './kinds/credential.ts';
export type { Member, Pool, Role, TopologySpec } from './kinds/topology.ts';
export { roles } from './kinds/topology.ts';
export type { UserSpec } from './kinds/user.ts';
export { BLOCKED_CONTAINER } from './kinds/user.ts';
export type { ChangeListener, Log, NatsLink, Replica, ReplicaOptions } from './replica.ts';
export { createReplica } from './replica.ts';
export { type Followed, followMembers } from './follow-members.ts';
