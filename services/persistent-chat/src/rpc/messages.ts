// Between the messages of proto/linchpin/chat/v1/chat.proto and what the role itself speaks of.
import type * as rpc from '@linchpin/proto/chat/v1/chat';
import type {
  Category,
  CategorySpec,
  Invitation,
  Participation,
  Post,
  Room,
  RoomAccess,
  RoomSpec,
  RoomView,
} from '../chat.ts';

/** proto3 sends what is not set as empty or 0. */
export const given = <T extends string | number>(value: T): T | undefined =>
  value === '' || value === 0 ? undefined : value;

/** Without the keys that are not set. */
function set<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

export const toCategory = (category: Category): rpc.Category => ({
  ...category,
  retentionDays: category.retentionDays ?? 0,
});

export const fromCategorySpec = (spec: rpc.CategorySpec | undefined): Partial<CategorySpec> =>
  set({
    name: spec?.name,
    description: spec?.description,
    invitations: spec?.invitations,
    fileUpload: spec?.fileUpload,
    chatHistory: spec?.chatHistory,
    complianceRequired: spec?.complianceRequired,
    retentionDays: spec?.retentionDays,
    allowed: spec?.allowed?.principals,
    denied: spec?.denied?.principals,
    creators: spec?.creators?.principals,
  });

export const toRoom = (room: Room | RoomView): rpc.Room => ({
  id: room.id,
  name: room.name,
  description: room.description,
  category: room.category,
  kind: room.kind,
  privacy: room.privacy,
  invitations: room.invitations,
  addIn: room.addIn ?? '',
  disabled: room.disabled,
  legalHold: room.legalHold ?? false,
  lastSeq: room.lastSeq,
});

/** Kind and privacy are checked where rooms are made. */
export const fromRoomSpec = (spec: rpc.RoomSpec | undefined): Partial<RoomSpec> =>
  set({
    name: spec?.name,
    description: spec?.description,
    category: spec?.category,
    kind: spec?.kind as Room['kind'] | undefined,
    privacy: spec?.privacy as Room['privacy'] | undefined,
    invitations: spec?.invitations,
    addIn: spec?.addIn,
  });

export const toAccess = ({ members, managers, presenters }: RoomAccess): rpc.Access => ({
  members,
  managers,
  presenters,
});

export const toRoomReply = (view: RoomView): rpc.RoomReply => ({
  room: toRoom(view),
  categoryName: view.categoryName,
  roles: view.roles,
  mayPost: view.mayPost,
  unread: view.unread,
});

export const toInvitation = ({ room, by, at }: Invitation): rpc.Invitation => ({
  room: toRoomReply(room),
  by,
  at,
});

export const toPost = (post: Post): rpc.Post => ({
  room: post.room,
  seq: post.seq,
  at: post.at,
  by: post.by,
  subject: post.subject ?? '',
  body: post.body,
  thread: post.thread ?? 0,
  mentions: post.mentions,
  files: post.files,
  editedAt: post.editedAt ?? '',
  deletedAt: post.deletedAt ?? '',
  reactions: post.reactions,
});

export const toJoined = ({ room, history, roster }: Participation): rpc.Joined => ({
  room: toRoomReply(room),
  history: history.map(toPost),
  roster: roster?.map(({ name }) => name) ?? [],
  rosterOff: roster === undefined,
});
