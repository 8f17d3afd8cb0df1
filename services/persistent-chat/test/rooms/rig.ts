// Two pods of the whole role, with a group, and a category that everybody is allowed in and alice makes rooms of.
import { expect } from 'vitest';
import type { Caller, Chat, ChatErrorCode, Room, RoomSpec } from '../../src/chat.ts';
import { address, createRig, type Rig } from '../rig.ts';

export const admin: Caller = { name: 'root', admin: true };
export const [alice, bob, carol, dave, eve] = ['alice', 'bob', 'carol', 'dave', 'eve'].map((name) => ({
  name: address(name),
})) as [Caller, Caller, Caller, Caller, Caller];

export interface RoomsRig extends Rig {
  readonly chat: Chat;
  /** At the other pod. */
  readonly other: Chat;
  /** By alice where nobody else is named. */
  make(spec?: Partial<RoomSpec>, caller?: Caller): Promise<Room>;
  /** Fails where entries of lists were counted wrongly by then. */
  close(): Promise<void>;
}

export async function createRoomsRig(): Promise<RoomsRig> {
  const rig = await createRig({
    pods: 2,
    users: ['alice', 'bob', 'carol', 'dave'],
    strangers: ['eve'],
    groups: { Sales: ['bob', 'carol'] },
  });
  const [chat, other] = rig.pods.map(({ role }) => role.chat) as [Chat, Chat];
  await chat.createCategory(admin, {
    name: 'All',
    allowed: ['domain:contoso.lab'],
    creators: [alice.name],
  });
  let count = 0;
  return {
    ...rig,
    ...{ chat, other },
    make: (spec = {}, caller = alice) =>
      chat.createRoom(caller, { name: `Room ${++count}`, category: 'All', ...spec }),
    async close() {
      const [entries] = await rig.sql(ENTRIES);
      await rig.close();
      expect(entries?.counted).toBe(entries?.there);
    },
  };
}

const ENTRIES = `SELECT (SELECT sum(entries)::int FROM access_entries) AS counted,
  (SELECT count(*)::int FROM room_access) + (SELECT count(*)::int FROM category_access) AS there`;

/** What it is refused with. */
export async function refusal(asked: Promise<unknown>): Promise<{ code: ChatErrorCode; message: string }> {
  const error = await asked.then(
    () => new Error('was not refused'),
    (error) => error,
  );
  if (error.name !== 'ChatError') throw error;
  return { code: error.code, message: error.message };
}
