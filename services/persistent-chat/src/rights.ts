// The decision itself: what somebody may in a room, from the room, its category and what is entered there.

import type { RoomFacts, Standing } from './access/access.ts';
import { type Caller, ChatError, type RoomRole } from './chat.ts';

/** What a category says of one user; whoever is denied is not allowed. */
export interface CategoryRights {
  allowed: boolean;
  creator: boolean;
}

type Versions = Standing['versions'];

/**
 * The category comes first: it is an ethical wall, and who is not behind it with the others has no rights in its rooms, whatever
 * the rooms' own lists say. A disabled room can be brought back by who manages it, and read by administrators.
 */
export function decide(
  room: RoomFacts,
  versions: Versions,
  category: CategoryRights,
  entered: readonly RoomRole[],
): Standing {
  const roles = category.allowed ? entered : [];
  const isIn = roles.length > 0;
  const mayManage = roles.includes('manager');
  const mayJoin = !room.disabled && category.allowed && (isIn || room.privacy === 'open');
  const mayPost = mayJoin && (room.kind === 'normal' || mayManage || roles.includes('presenter'));
  return {
    room,
    versions,
    roles,
    maySee: category.allowed && (isIn || room.privacy !== 'secret'),
    mayJoin,
    mayRead: mayJoin,
    mayPost,
    mayManage,
    mayUpload: mayPost && room.fileUpload,
  };
}

/** An administrator's, who is bound by what a room can do, not by who is in it, and is never in it. */
export function standingOfAdmin(room: RoomFacts, versions: Versions): Standing {
  const enabled = !room.disabled;
  return {
    ...{ room, versions, roles: [], maySee: true, mayRead: true, mayManage: true },
    ...{ mayJoin: false, mayPost: enabled, mayUpload: enabled && room.fileUpload },
  };
}

export type Right = 'mayJoin' | 'mayRead' | 'mayPost' | 'mayManage' | 'mayUpload';

const MEANS: Record<Right, string> = {
  mayJoin: 'join it',
  mayRead: 'read what was said there',
  mayPost: 'post there',
  mayManage: 'change it',
  mayUpload: 'put files there',
};

/** What somebody is told who lacks a right in a room that may be seen: why, and what would help. */
export function refusal(caller: Caller, { room, roles }: Standing, right: Right): ChatError {
  const forbidden = (why: string) =>
    new ChatError('forbidden', `${caller.name} may not ${MEANS[right]}: ${why}`);
  const name = JSON.stringify(room.name);
  if (right === 'mayManage') return forbidden(`only managers of ${name} and administrators may`);
  if (right === 'mayJoin' && caller.admin)
    return forbidden(
      'administrators are members of nothing; join in the name of a user, or read the history',
    );
  if (room.disabled) return forbidden(`the room ${name} is disabled; a manager can enable it again`);
  if (roles.length === 0 && room.privacy !== 'open' && !caller.admin)
    return forbidden(`it takes a member of ${name}; a manager of it can add one`);
  if (right === 'mayUpload' && !room.fileUpload)
    return forbidden(`the category ${JSON.stringify(room.categoryName)} does not allow files`);
  return forbidden(`${name} is an auditorium, where only presenters and managers post`);
}

/** Throws what `refusal` says unless the right is there. */
export function demand(caller: Caller, standing: Standing, right: Right): void {
  if (!standing[right]) throw refusal(caller, standing, right);
}

/** The same words for what is not there and for what may not be known of. */
export const noSuchRoom = (room: string): ChatError =>
  new ChatError('not-found', `there is no room ${JSON.stringify(room.slice(0, 100))} that you may know of`);

/** The room that was asked for by its name is not called so any more, since a moment ago. Nothing was changed. */
export class Renamed extends ChatError {
  constructor(name: string) {
    super('conflict', `the room ${JSON.stringify(name)} is being renamed: look which one you mean`);
  }
}
