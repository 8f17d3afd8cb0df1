// What happens in Persistent Chat, as pods tell each other and as the compliance store keeps it.
// Published by the persistent-chat role only, on `chatEventSubject(scope)`, as a JSON array of events in the order of their numbers.

/** The JetStream stream that holds them until the compliance store has them. */
export const CHAT_EVENTS_STREAM = 'PERSISTENT_CHAT';
export const CHAT_EVENTS = 'persistent-chat.events';
/** The scope is the id of a room or a category. */
export const chatEventSubject = (scope: string): string => `${CHAT_EVENTS}.${scope}`;

interface Happened {
  /** Id of the room or category. */
  scope: string;
  /** 1 for the first event of the scope, then without gaps. */
  seq: number;
  /** RFC 3339 in UTC with milliseconds. */
  at: string;
  /** `alice@contoso.lab`, or `admin:<name>` for what administrators do. */
  by: string;
}

/** A post as all are told; `seq` is its number, by which later events name it as `post`. */
export interface PostEvent extends Happened {
  kind: 'post';
  clientId: string;
  /** The title of a story. */
  subject?: string;
  body: string;
  /** The first post of the thread that it is in. */
  thread?: number;
  mentions: string[];
  files: string[];
}

export interface EditEvent extends Happened {
  kind: 'edit';
  post: number;
  subject?: string;
  body: string;
  /** What it said before. */
  before: { subject?: string; body: string };
}

export interface DeleteEvent extends Happened {
  kind: 'delete';
  post: number;
  before: { subject?: string; body: string };
}

export interface ReactionEvent extends Happened {
  kind: 'reaction';
  post: number;
  reaction: string;
  /** False: taken back. */
  set: boolean;
}

export interface PresenceEvent extends Happened {
  /** `part` also when the pod that served the person is gone. */
  kind: 'join' | 'part';
}

export interface InviteEvent extends Happened {
  kind: 'invite';
  who: string[];
}

export interface FileEvent extends Happened {
  kind: 'upload' | 'download';
  file: { id: string; name: string; bytes: number; type: string; sha256: string };
}

export interface ReadEvent extends Happened {
  kind: 'history-read' | 'search';
  /** Numbers of the first and the last post that were given out; none where nothing was found. */
  from?: number;
  to?: number;
  query?: string;
}

export interface PurgeEvent extends Happened {
  kind: 'purged';
  /** Numbers of the posts that are gone. */
  posts: number[];
  why: string;
}

export interface ConfigurationEvent extends Happened {
  kind:
    | 'room-created'
    | 'room-changed'
    | 'room-disabled'
    | 'room-enabled'
    | 'room-deleted'
    | 'access-changed'
    | 'category-created'
    | 'category-changed'
    | 'category-deleted';
  /** The name of the room or category as it is now. */
  name: string;
  /** What was set or changed: for access, principals with the roles that they now have. */
  change: Record<string, unknown>;
}

export type ChatEvent =
  | PostEvent
  | EditEvent
  | DeleteEvent
  | ReactionEvent
  | PresenceEvent
  | InviteEvent
  | FileEvent
  | ReadEvent
  | PurgeEvent
  | ConfigurationEvent;

export type ChatEventKind = ChatEvent['kind'];
