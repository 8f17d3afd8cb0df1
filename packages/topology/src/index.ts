export { type BucketWatchOptions, watchBucket } from './bucket-watch.ts';
export { createDirectory, type Directory, type EffectiveUser } from './directory.ts';
export { type Document, type DocumentChange, type Kind, type Problem, TopologyError } from './document.ts';
export { createDocumentSet, type DocumentSet } from './document-set.ts';
export { type Followed, followMembers } from './follow-members.ts';
export type { AccessEdgeConfigurationSpec, RegistrarConfigurationSpec } from './kinds/configurations.ts';
export type { CredentialSpec } from './kinds/credential.ts';
export type {
  GroupSpec,
  PersistentChatConfigurationSpec,
  PersistentChatPolicySpec,
} from './kinds/persistent-chat.ts';
export type { Member, Role } from './kinds/topology.ts';
export { BLOCKED_CONTAINER } from './kinds/user.ts';
export { createKnowledge, type Knowledge } from './knowledge.ts';
export { announceDrain } from './members/announce-drain.ts';
export { join, joinConfigured, memberConfig } from './members/member-config.ts';
export type { DrainRecord, GroupsRecord, MemberRecord } from './members/member-record.ts';
export { createMembers, MEMBERS_TIMING, type Members, type MembersTiming } from './members/members.ts';
export { placeOfUser, poolView, type UserPlace } from './pool-view.ts';
export { preference } from './preference.ts';
export { deletionProblem, scopeProblems, userProblems } from './references.ts';
export { createReplica, type NatsLink, type Replica } from './replica.ts';
export { GROUPS, groupOf, placement } from './routing-group.ts';
export {
  allKinds,
  bucketOf,
  isKind,
  kinds,
  kindsWithDefaults,
  MAX_SPEC_BYTES,
  parseDocument,
} from './schema.ts';
