import type { Standing } from '../access/access.ts';
import type { Caller, Room, RoomView } from '../chat.ts';

/** How many posts a user has not read in each of these rooms. */
export type CountUnread = (user: string, rooms: readonly string[]) => Promise<ReadonlyMap<string, number>>;

/** The room alone, without what only decisions need. */
export const roomOf = ({ room }: Pick<Standing, 'room'>): Room => ({
  id: room.id,
  name: room.name,
  description: room.description,
  category: room.category,
  kind: room.kind,
  privacy: room.privacy,
  invitations: room.invitations,
  addIn: room.addIn,
  disabled: room.disabled,
  legalHold: room.legalHold,
  lastSeq: room.lastSeq,
});

/** What the caller may read is counted; administrators read no room as somebody. */
export async function viewsOf(
  caller: Caller,
  standings: readonly Standing[],
  countUnread: CountUnread,
): Promise<RoomView[]> {
  const readable = standings.filter(({ mayRead }) => mayRead).map(({ room }) => room.id);
  const unread = caller.admin || readable.length === 0 ? undefined : await countUnread(caller.name, readable);
  return standings.map((standing) => ({
    ...roomOf(standing),
    legalHold: standing.mayManage ? standing.room.legalHold : undefined,
    categoryName: standing.room.categoryName,
    roles: [...standing.roles],
    mayPost: standing.mayPost,
    chatHistory: standing.room.chatHistory,
    unread: unread?.get(standing.room.id) ?? 0,
  }));
}
