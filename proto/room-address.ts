// How rooms of Persistent Chat are called in SIP: sip:room-<name>@<domain>. Front Ends know a room's URI by this, and by
// nobody having that name; which room it is only Persistent Chat knows.

/** What the user part of a room's URI begins with, in lower case. */
export const ROOM_PREFIX = 'room-';
