// Who may what in a room. The decision is made from rows that are remembered by their version.
import type { PoolClient } from 'pg';
import type { Caller, Room, RoomRole } from '../chat.ts';

/** A room as it was when a decision was made, with what its category says. */
export interface RoomFacts extends Room {
  categoryName: string;
  /** Whether posts are kept for whoever comes later. */
  chatHistory: boolean;
  fileUpload: boolean;
  /** Room and category taken together: whoever becomes a member is invited. */
  invites: boolean;
  complianceRequired: boolean;
}

export interface Standing {
  readonly room: RoomFacts;
  readonly roles: readonly RoomRole[];
  readonly maySee: boolean;
  readonly mayJoin: boolean;
  /** What is said there, and what was, where the category keeps it (`room.chatHistory`). */
  readonly mayRead: boolean;
  readonly mayPost: boolean;
  readonly mayManage: boolean;
  readonly mayUpload: boolean;
  /** Of room and category, at the time of the decision. */
  readonly versions: { readonly room: number; readonly category: number };
  /** The room was asked for by its name, which another one may have by now. */
  readonly named?: boolean;
}

/** What `confirm` needs of a room whose row lock is held. */
export interface LockedVersions {
  id: string;
  accessVersion: number;
  categoryAccessVersion: number;
}

/** Whose standing may be another now: in this room, in the rooms of this category, of these users. Nothing given: anybody's. */
export interface AccessNotice {
  room?: string;
  category?: string;
  users?: ReadonlySet<string>;
}

export interface Access {
  /**
   * What is true when it is asked: one look at the database, which calls of the same moment share. `room`: id or name.
   * Rejects with `not-found` also for a room that the caller may not know of, with `forbidden` for a caller who may not use
   * Persistent Chat at all.
   */
  standing(caller: Caller, room: string): Promise<Standing>;
  /** What was true when it was last asked, if this pod remembers: for what `confirm` follows on. Costs nothing. */
  remembered(caller: Caller, room: string): Standing | undefined;
  /**
   * The same decision inside a transaction that holds the room's lock; only asks the database where something has changed. Rejects
   * with Renamed where the room was asked for by a name that is not its own any more.
   */
  confirm(client: PoolClient, caller: Caller, before: Standing, locked: LockedVersions): Promise<Standing>;
  /** Of several rooms by their ids, in that order, without those that the caller may not see; with few queries. */
  standings(client: PoolClient, caller: Caller, rooms: readonly string[]): Promise<Standing[]>;
  /** Told on every pod, within moments of the change. Returns the way to stop. */
  onChanged(listener: (notice: AccessNotice) => void): () => void;
}
