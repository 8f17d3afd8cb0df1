// What Persistent Chat does, whatever surface it is asked by: gRPC, REST, SIP.
import type { ChatEvent, PostEvent } from '@linchpin/proto/chat-events';

/** Who asks. Administrators (`admin` set) may do everything, and are not members of anything. */
export interface Caller {
  /** `alice@contoso.lab`; the name of the administrator where `admin` is set. */
  name: string;
  admin?: true;
}

/** Thrown by everything below; each surface turns it into its own kind of answer in one place. */
export class ChatError extends Error {
  override readonly name = 'ChatError';
  readonly code: ChatErrorCode;
  /** Seconds after which to try again; only for `unavailable` and `limit`. */
  readonly retryAfter: number | undefined;

  constructor(code: ChatErrorCode, message: string, retryAfter?: number) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export type ChatErrorCode =
  /** Malformed, or against a limit of size; says which field and what is allowed. */
  | 'invalid'
  /** No such thing, or a secret one that the caller may not know of. */
  | 'not-found'
  | 'forbidden'
  /** The name is taken, or an expected version is not current. */
  | 'conflict'
  | 'too-large'
  /** Too many, or too fast. */
  | 'limit'
  /** No room where files are kept. */
  | 'full'
  /** The store is away, or compliance is where the category requires it. Nothing was stored. */
  | 'unavailable';

/** `alice@contoso.lab`, `domain:contoso.lab` or `group:Sales`. */
export type Principal = string;
export type RoomRole = 'member' | 'manager' | 'presenter';

export interface Category {
  id: string;
  name: string;
  description: string;
  invitations: boolean;
  fileUpload: boolean;
  chatHistory: boolean;
  complianceRequired: boolean;
  retentionDays: number | undefined;
  allowed: Principal[];
  denied: Principal[];
  creators: Principal[];
}
export type CategorySpec = Partial<Omit<Category, 'id' | 'name'>> & { name: string };

export interface Room {
  id: string;
  name: string;
  description: string;
  category: string;
  kind: 'normal' | 'auditorium';
  privacy: 'open' | 'closed' | 'secret';
  /** False: off in this room; undefined: as the category says. */
  invitations: boolean | undefined;
  addIn: string | undefined;
  disabled: boolean;
  legalHold: boolean;
  /** The number of its last event. */
  lastSeq: number;
}
export type RoomSpec = Partial<Omit<Room, 'id' | 'lastSeq' | 'disabled' | 'legalHold'>> & {
  name: string;
  /** Name or id. */
  category: string;
  members?: Principal[];
  managers?: Principal[];
  presenters?: Principal[];
};

export interface RoomAccess {
  members: Principal[];
  managers: Principal[];
  presenters: Principal[];
}
/** Added before others are taken away. */
export interface AccessChange {
  add?: Partial<RoomAccess>;
  remove?: Partial<RoomAccess>;
}

/** A room as one caller sees it. */
export interface RoomView extends Omit<Room, 'legalHold'> {
  /** Undefined for who does not manage the room: that something is held is not for those whom it may be about. */
  legalHold: boolean | undefined;
  categoryName: string;
  /** What the caller is there; empty for who only may see it. */
  roles: RoomRole[];
  mayPost: boolean;
  /** Whether posts are kept for whoever comes later; without it what was missed cannot be had. */
  chatHistory: boolean;
  /** Posts of others after the caller's read mark; 1000 where there are as many or more. */
  unread: number;
}

export interface Posting {
  /** The client's own id, at most 64 characters: the same one again stores nothing and gives the first answer. */
  clientId: string;
  body: string;
  subject?: string;
  thread?: number;
  files?: string[];
}

export interface Post extends Omit<PostEvent, 'kind' | 'scope' | 'clientId'> {
  room: string;
  editedAt?: string;
  /** Deleted posts keep their place with an empty body. */
  deletedAt?: string;
  reactions: { reaction: string; by: string[] }[];
}

export interface HistoryQuery {
  /** Numbers; the newest `limit` where neither is given. */
  before?: number;
  after?: number;
  limit?: number;
}

export interface SearchQuery {
  /** All words have to be in it. */
  text?: string;
  /** Rooms to look in; all that the caller may read where none is named. */
  rooms?: string[];
  author?: string;
  /** RFC 3339. */
  from?: string;
  to?: string;
  /** Only what mentions the caller. */
  mentionsMe?: boolean;
  /** Only what comes after this post in the order of the results: the newest first. */
  before?: { at: string; room: string; seq: number };
  limit?: number;
}

/** What somebody wants to be told of, wherever it is posted: everything that is given has to hold. */
export interface TopicSpec {
  /** All of them have to be in a post, as in a search. */
  words?: string;
  author?: string;
  /** Only what mentions the one whose topic it is. */
  mentionsMe?: boolean;
  /** Rooms, by ids or names, that it is about; all that can be read where none is named. */
  rooms?: string[];
}

/** As it is kept: rooms by their ids. */
export interface Topic extends TopicSpec {
  name: string;
  mentionsMe: boolean;
}

/** A post that somebody wants to know of: it mentions them, or one of their topics is in it. */
export interface Alert {
  room: string;
  roomName: string;
  seq: number;
  by: string;
  at: string;
  subject?: string;
  /** The beginning of what it says: at most 200 characters. */
  excerpt: string;
  /** Names of topics; empty for what only mentions them. */
  topics: string[];
  mentioned: boolean;
}

export interface Participant {
  name: string;
  since: string;
}

/**
 * What a session is told of a room that it is in: every event once and in order, from the one after its join. Told are kinds that
 * concern who is there (post, edit, delete, reaction, purged, room-changed, join and part while there is a roster): numbers have
 * gaps where others were. What edits and deletes took away (`before`) is not told. All sessions of a room get the same objects:
 * what is made of an event for one of them can be remembered by it (WeakMap) for the others.
 */
export interface RoomListener {
  /** A promise: the session is busy until it is resolved, and ended as `lagging` when too much has come meanwhile. */
  onEvents(events: readonly ChatEvent[]): void | Promise<void>;
  /** There is a roster again, which joins and parts change from now on; or none any more, as the room is too full. */
  onRoster?(roster: readonly Participant[] | undefined): void;
  /**
   * Not in the room any more, against its will: `removed`, `disabled`, `deleted`, or `lagging` and `moved` (the pod shuts down):
   * after these two it may join again.
   */
  onEnded(why: string): void;
}

export interface Participation {
  room: RoomView;
  /** The last posts, oldest first (MaxChatHistory of the configuration); none where the category has no history. */
  history: Post[];
  /** Undefined in rooms that are too full for one (75, again below 60). */
  roster: Participant[] | undefined;
  /** Events follow from `room.lastSeq` + 1. */
  part(): Promise<void>;
}

/** A part of a list that is in some order; all of it where nothing is given. */
export interface Page {
  limit?: number;
  /** What the last one of the part before is called by in that order. */
  after?: string;
}

export interface Invitation {
  room: RoomView;
  by: string;
  at: string;
}

/** All reject with ChatError. `room` and `category` are ids or names. */
export interface Chat {
  createCategory(caller: Caller, spec: CategorySpec): Promise<Category>;
  changeCategory(caller: Caller, category: string, change: Partial<CategorySpec>): Promise<Category>;
  /** `conflict` while it has rooms. */
  deleteCategory(caller: Caller, category: string): Promise<void>;
  /** Those in which the caller may create rooms or be a member; all for administrators. By name, which is what a page goes by. */
  categories(caller: Caller, page?: Page): Promise<Category[]>;

  createRoom(caller: Caller, spec: RoomSpec): Promise<Room>;
  changeRoom(caller: Caller, room: string, change: Partial<RoomSpec>): Promise<Room>;
  setDisabled(caller: Caller, room: string, disabled: boolean): Promise<Room>;
  deleteRoom(caller: Caller, room: string): Promise<void>;
  room(caller: Caller, room: string): Promise<RoomView>;
  /**
   * By words in name and description; secret rooms only for those who are in them. `mine`: where the caller has a role. In the
   * order of their names: `after` is the name of the last room of the page before, not its id.
   */
  findRooms(
    caller: Caller,
    query: { text?: string; mine?: boolean; limit?: number; after?: string },
  ): Promise<RoomView[]>;
  /** By principal: each has all its roles in one page. `next`: behind what there is more; only where a page was asked for. */
  access(caller: Caller, room: string, page?: Page): Promise<RoomAccess & { next?: string }>;
  /** `page`: of the lists as they are then. */
  changeAccess(
    caller: Caller,
    room: string,
    change: AccessChange,
    page?: Page,
  ): Promise<RoomAccess & { next?: string }>;
  /** The newest first, at most 200. A page goes by `<at> <id of the room>`. */
  invitations(caller: Caller, page?: Page): Promise<Invitation[]>;

  join(caller: Caller, room: string, listener: RoomListener): Promise<Participation>;
  post(caller: Caller, room: string, posting: Posting): Promise<Post>;
  edit(caller: Caller, room: string, seq: number, change: { body: string; subject?: string }): Promise<Post>;
  deletePost(caller: Caller, room: string, seq: number): Promise<void>;
  react(caller: Caller, room: string, seq: number, reaction: string, set: boolean): Promise<void>;
  history(caller: Caller, room: string, query: HistoryQuery): Promise<Post[]>;
  search(caller: Caller, query: SearchQuery): Promise<Post[]>;
  markRead(caller: Caller, room: string, seq: number): Promise<void>;
  /** Rooms with unread posts or mentions. By the id of the room, which is what a page goes by. */
  unread(caller: Caller, page?: Page): Promise<{ room: string; unread: number; mentions: number }[]>;
  /** Administrators: deletes what fits; a legal hold keeps it. Resolves with how many are gone. */
  purge(
    caller: Caller,
    room: string,
    filter: { before?: string; author?: string; seqs?: number[]; why: string },
  ): Promise<number>;
  setLegalHold(caller: Caller, room: string, hold: boolean): Promise<Room>;
  /** Those of the caller. Administrators have none. */
  topics(caller: Caller): Promise<Topic[]>;
  /** Makes a topic, or makes another one of it. The caller has to be able to read the rooms that are named. */
  setTopic(caller: Caller, name: string, spec: TopicSpec): Promise<Topic>;
  deleteTopic(caller: Caller, name: string): Promise<void>;
  /** A search for the topic: the newest first, also those of the caller. A page goes by `next` of the page before. */
  topicPosts(
    caller: Caller,
    name: string,
    query: { since?: string; after?: string; limit?: number },
  ): Promise<{ posts: Post[]; next?: string }>;
  /**
   * Alerts of the caller from now on, each once at most, of posts in all rooms that the caller may read. What is missed nobody
   * keeps. Resolves with the way to stop.
   */
  watchAlerts(caller: Caller, listener: (alert: Alert) => void): Promise<() => void>;
  /** Something happened to a file of a room; only told to compliance. */
  noteFile(caller: Caller, room: string, kind: 'upload' | 'download', file: FileNote): Promise<void>;
}

export interface FileNote {
  id: string;
  name: string;
  bytes: number;
  type: string;
  sha256: string;
}
