export { type BucketWatch, type BucketWatchOptions, watchBucket } from './bucket-watch.ts';
export { createDirectory, type Directory, type EffectiveUser } from './directory.ts';
export {
  type Document,
  type DocumentChange,
  type Kind,
  type Problem,
  type Specs,
  TopologyError,
} from './document.ts';
export { createDocumentSet, type DocumentSet } from './document-set.ts';
export { type Followed, followMembers } from './follow-members.ts';
export type {
  AccessEdgeConfigurationSpec,
  DigestAlgorithm,
  ExternalAccessPolicySpec,
  PresencePolicySpec,
  RegistrarConfigurationSpec,
} from './kinds/configurations.ts';
export type { CredentialSpec } from './kinds/credential.ts';
export { type Member, type Pool, type Role, roles, type TopologySpec } from './kinds/topology.ts';
export { BLOCKED_CONTAINER, type UserSpec } from './kinds/user.ts';
export { effectiveSpec, type Place } from './precedence.ts';
export {
  deletionProblem,
  type PolicyKind,
  policyKinds,
  type Settings,
  scopeProblems,
  userProblems,
} from './references.ts';
export {
  type ChangeListener,
  createReplica,
  type Log,
  type NatsLink,
  type Replica,
  type ReplicaOptions,
} from './replica.ts';
export {
  allKinds,
  bucketOf,
  defaultSpec,
  GLOBAL,
  isKind,
  kinds,
  kindsWithDefaults,
  MAX_SPEC_BYTES,
  parseDocument,
  type ScopedKind,
} from './schema.ts';
