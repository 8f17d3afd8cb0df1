import { ROOM_PREFIX } from '@linchpin/proto/room-address';
import type { SipRequest } from '@linchpin/sip';
import type { Directory } from '@linchpin/topology';

/** Whether an address of record (`sip:room-sales@contoso.lab`) may be that of a room: it is called so, and nobody has it. */
export type IsRoom = (aor: string) => boolean;

const SCHEME = 'sip:';

export function createIsRoom(directory: Pick<Directory, 'user' | 'isLocalDomain'>): IsRoom {
  return (aor) =>
    startsLikeRoom(aor, SCHEME.length) &&
    directory.isLocalDomain(aor.slice(aor.lastIndexOf('@') + 1)) &&
    directory.user(aor) === undefined;
}

/** The same for where a request goes. Throws SipError where that cannot be read. */
export const createIsForRoom =
  (isRoom: IsRoom) =>
  (request: SipRequest): boolean =>
    // Every request is asked, and hardly any is for a room.
    startsLikeRoom(request.uri, request.uri.indexOf(':') + 1) && isRoom(request.parsedUri.aor());

const startsLikeRoom = (text: string, at: number): boolean =>
  text.slice(at, at + ROOM_PREFIX.length).toLowerCase() === ROOM_PREFIX;
