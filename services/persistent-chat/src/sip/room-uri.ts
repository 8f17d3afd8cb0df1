import { ROOM_PREFIX } from '@linchpin/proto/room-address';

/** `sip:room-sales@contoso.lab` for the address "sales". */
export const roomUri = (address: string, domain: string): string => `sip:${ROOM_PREFIX}${address}@${domain}`;

/** The address in the user part of a URI; undefined for what is called otherwise. */
export function addressIn(user: string | undefined): string | undefined {
  const lower = user?.toLowerCase();
  return lower?.startsWith(ROOM_PREFIX) ? lower.slice(ROOM_PREFIX.length) : undefined;
}
