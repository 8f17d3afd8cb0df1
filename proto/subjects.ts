// Every NATS bucket and key, in one place. Each has one owner, named here; nobody else writes to it.

/** Written by CMS: Topology, policies and configurations; every role follows it. */
export const CONFIG_BUCKET = 'config';
/** Written by CMS: users and their credentials; only roles that authenticate follow it, Edge may not read it. */
export const DIRECTORY_BUCKET = 'directory';
/** Written by each pod under its own name: the configuration version it runs. */
export const REPLICA_BUCKET = 'replica';
/** The first part of the names of all buckets with user state, see `groupBucket`. */
export const USER_STATE_BUCKET = 'user-state';

/**
 * What is kept for the users of one routing group of a pool, `user-state-frontend-07`; written by the Front End that serves
 * the group. Only Front Ends may touch these buckets.
 */
export const groupBucket = (pool: string, group: number): string =>
  `${USER_STATE_BUCKET}-${pool}-${String(group).padStart(2, '0')}`;

/** The key in a group's bucket that names who serves it, see `OwnerRecord`. */
export const OWNER_KEY = 'owner';

/** The value of OWNER_KEY. The sequence of this entry is the one from which on this owner, and nobody else, writes. */
export interface OwnerRecord {
  pod: string;
  /** Of the process, see `MemberRecord`. */
  incarnation: string;
  /** Grows with each owner record of the group. */
  term: number;
  /** The bucket was lost and is not filled again yet. */
  filling?: true;
}

/** Written by each pod under its role and name, again with every heartbeat: that it lives, and where it is reached. */
export const MEMBERS_BUCKET = 'members';

/** The key that closes a version: written to `config` and `directory` after all documents of that version. */
export const HEAD_KEY = 'head';

/** The value of HEAD_KEY. What follows both buckets takes a version when both end with the same head. */
export interface Head {
  version: number;
  /** Made new for each version: version 7 after a restored backup is not taken for the version 7 before it. */
  id: string;
}

/** The value of a document's key in `config` and `directory`. */
export interface PublishedDocument {
  kind: string;
  name: string;
  /** The version of the whole configuration in which this document last changed. */
  version: number;
  /** null: the document was deleted in that version. */
  spec: unknown;
}

/** The value of a pod's key (`keyToken(pod)`) in `replica`. */
export interface ReplicaReport {
  pod: string;
  role: string;
  /** The configuration version the pod runs. */
  version: number;
  /** RFC 3339. */
  at: string;
  productVersion: string;
}

/**
 * Alerts of Persistent Chat for one user, each a JSON object (`Alert`): told by the pod that stored the post, heard by those where
 * the user has an event stream. Nobody keeps them.
 */
export const alertSubject = (user: string): string => `persistent-chat.alerts.${keyToken(user)}`;

/** A NATS KV key holds only [-/_=.a-zA-Z0-9]; names are carried as base64url. */
export const keyToken = (name: string): string => Buffer.from(name, 'utf8').toString('base64url');
export const fromKeyToken = (token: string): string => Buffer.from(token, 'base64url').toString('utf8');

/** `frontend.ZnJvbnRlbmQtMA` for ("frontend", "frontend-0"), in `members`. */
export const memberKey = (role: string, pod: string): string => `${role}.${keyToken(pod)}`;

/** `user.YWxpY2VAY29udG9zby5sYWI` for ("User", "alice@contoso.lab"). */
export const documentKey = (kind: string, name: string): string => `${kind.toLowerCase()}.${keyToken(name)}`;

/** The three facets of a user's state: `<facet>.<user>` or `<facet>.<user>.<part>`. */
export const userStateKey = (
  facet: 'bindings' | 'publications' | 'subscription',
  user: string,
  part?: string,
): string =>
  part === undefined ? `${facet}.${keyToken(user)}` : `${facet}.${keyToken(user)}.${keyToken(part)}`;
