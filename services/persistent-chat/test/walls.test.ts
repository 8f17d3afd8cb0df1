// Who loses access while in a room is put out of it, wherever and however the access was lost.
import { createInbox } from '@linchpin/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Caller, RoomListener } from '../src/chat.ts';
import { address, createRig, groupDocument, type Rig } from './rig.ts';

let rig: Rig;
let one: Rig['pods'][number]['role']['chat'];
let two: typeof one;

const admin: Caller = { name: 'root', admin: true };
const alice = { name: address('alice') };
const bob = { name: address('bob') };

beforeAll(async () => {
  rig = await createRig({ pods: 2, groups: { Sales: ['bob'] } });
  [one, two] = rig.pods.map(({ role }) => role.chat) as [typeof one, typeof one];
});
afterAll(() => rig.close());

let made = 0;

/** A room with bob and alice in it, both by way of the second pod. */
async function enter(members: string[]) {
  const category = await one.createCategory(admin, {
    name: `Category ${++made}`,
    allowed: ['domain:contoso.lab'],
  });
  const room = await one.createRoom(admin, {
    name: `Room ${made}`,
    category: category.name,
    members,
    managers: [alice.name],
  });
  const ends = createInbox<string>();
  const listener: RoomListener = { onEvents() {}, onEnded: ends.push };
  const stays = createInbox<string>();
  await two.join(bob, room.id, listener);
  await two.join(alice, room.id, { onEvents() {}, onEnded: stays.push });
  return { room: room.id, category: category.name, ended: () => ends.next(), stays: stays.items };
}

const refused = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'not at all',
    ({ code }) => code,
  );

test('a wall is built on another pod', async () => {
  const { room, category, ended, stays } = await enter([bob.name]);
  await one.changeCategory(admin, category, { denied: ['group:Sales'] });
  expect(await ended()).toBe('removed');
  expect(await refused(two.join(bob, room, { onEvents() {}, onEnded() {} }))).toBe('not-found');
  expect(stays).toEqual([]);
});

test('somebody is removed on another pod', async () => {
  const { room, ended, stays } = await enter([bob.name]);
  await one.changeAccess(alice, room, { remove: { members: [bob.name] } });
  expect(await ended()).toBe('removed');
  expect(stays).toEqual([]);
});

test('somebody leaves the group that was entered', async () => {
  const { ended, stays } = await enter(['group:Sales']);
  await rig.publish([groupDocument('Sales', [])]);
  expect(await ended()).toBe('removed');
  expect(stays).toEqual([]);
  await rig.publish([groupDocument('Sales', ['bob'])]);
});

test('the room moves behind a wall', async () => {
  const { room, ended } = await enter([bob.name]);
  await one.createCategory(admin, { name: 'Walled', allowed: [alice.name] });
  await one.changeRoom(admin, room, { category: 'Walled' });
  expect(await ended()).toBe('removed');
});

test('the room is disabled, or deleted', async () => {
  const disabled = await enter([bob.name]);
  await one.setDisabled(alice, disabled.room, true);
  expect(await disabled.ended()).toBe('disabled');
  const deleted = await enter([bob.name]);
  await one.deleteRoom(admin, deleted.room);
  expect(await deleted.ended()).toBe('deleted');
});

test('the policy of everybody is taken away, and given again', async () => {
  const { room, ended } = await enter([bob.name]);
  const policy = (enabled: boolean) =>
    rig.publish([{ kind: 'PersistentChatPolicy', name: 'chat', spec: { enabled } }]);
  await policy(false);
  expect(await ended()).toBe('removed');
  expect(await refused(two.post(bob, room, { clientId: 'a', body: 'x' }))).toBe('forbidden');
  await policy(true);
  expect(await two.post(bob, room, { clientId: 'a', body: 'x' })).toMatchObject({ body: 'x' });
});
