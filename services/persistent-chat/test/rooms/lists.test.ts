import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Chat } from '../../src/chat.ts';
import { groupDocument } from '../rig.ts';
import { admin, alice, bob, carol, createRoomsRig, dave, eve, type RoomsRig, refusal } from './rig.ts';

let rig: RoomsRig;
let chat: Chat;
let other: Chat;

beforeAll(async () => {
  rig = await createRoomsRig();
  ({ chat, other } = rig);
});
afterAll(() => rig.close());

describe('lists', () => {
  test('take users, groups and domains that the category allows', async () => {
    await chat.createCategory(admin, { name: 'Sales only', allowed: ['group:Sales'], denied: [carol.name] });
    const room = await chat.createRoom(admin, { name: 'Deals', category: 'Sales only' });
    const add = (members: string[]) => chat.changeAccess(admin, room.id, { add: { members } });
    expect(await refusal(add([dave.name]))).toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining(dave.name),
    });
    expect(await refusal(add([carol.name]))).toMatchObject({ code: 'forbidden' });
    expect(await refusal(add(['domain:contoso.lab']))).toMatchObject({ code: 'forbidden' });
    expect((await add([bob.name, 'group:Sales'])).members).toEqual([bob.name, 'group:Sales']);
    expect(await chat.room(bob, room.id)).toMatchObject({ roles: ['member'] });
    // Denied wins, also for whoever comes with a group.
    expect(await refusal(chat.room(carol, room.id))).toMatchObject({ code: 'not-found' });
  });

  test('a wall that is moved ends rights at once, on all pods, in a post that is under way too', async () => {
    await chat.createCategory(admin, { name: 'Moving', allowed: ['domain:contoso.lab'] });
    const room = await chat.createRoom(admin, { name: 'Behind', category: 'Moving', members: [bob.name] });
    for (const [at, each] of [chat, other].entries())
      await each.post(bob, room.id, { clientId: `w${at}`, body: 'x' });
    await chat.changeCategory(admin, 'Moving', { denied: [bob.name] });
    for (const each of [chat, other]) {
      expect(await refusal(each.post(bob, room.id, { clientId: 'late', body: 'x' }))).toMatchObject({
        code: expect.stringMatching(/forbidden|not-found/),
      });
      expect(await refusal(each.history(bob, room.id, {}))).toMatchObject({ code: 'not-found' });
    }
    await other.changeCategory(admin, 'Moving', { denied: [] });
    for (const each of [chat, other]) expect(await each.history(bob, room.id, {})).toHaveLength(2);
  });

  test('who is removed on one pod posts on none', async () => {
    const room = await rig.make({ members: [bob.name] });
    await other.post(bob, room.id, { clientId: 'a', body: 'in' });
    await chat.changeAccess(alice, room.id, { remove: { members: [bob.name] } });
    expect(await refusal(other.post(bob, room.id, { clientId: 'b', body: 'out' }))).toMatchObject({
      code: 'forbidden',
    });
    await other.changeAccess(alice, room.id, { add: { members: [bob.name] } });
    expect(await chat.post(bob, room.id, { clientId: 'b', body: 'in again' })).toMatchObject({
      body: 'in again',
    });
  });

  test('who leaves a group loses what came with it, without a change of the room', async () => {
    const room = await rig.make({ members: ['group:Sales'] });
    expect(await other.room(carol, room.id)).toMatchObject({ roles: ['member'] });
    await rig.publish([groupDocument('Sales', ['bob'])]);
    expect(await other.room(carol, room.id)).toMatchObject({ roles: [] });
    expect(await refusal(chat.post(carol, room.id, { clientId: 'a', body: 'x' }))).toMatchObject({
      code: 'forbidden',
    });
    await rig.publish([groupDocument('Sales', ['bob', 'carol'])]);
    expect(await other.room(carol, room.id)).toMatchObject({ roles: ['member'] });
  });

  test('do not lose their last manager to a manager', async () => {
    const room = await rig.make();
    const without = { remove: { managers: [alice.name] } };
    expect(await refusal(chat.changeAccess(alice, room.id, without))).toMatchObject({ code: 'conflict' });
    expect((await chat.access(alice, room.id)).managers).toEqual([alice.name]);
    await chat.changeAccess(alice, room.id, { add: { managers: [bob.name] }, ...without });
    expect(await refusal(chat.changeAccess(alice, room.id, without))).toMatchObject({ code: 'forbidden' });
  });

  test('are shown to who is in the room', async () => {
    const room = await rig.make({ members: [bob.name] });
    expect((await chat.access(bob, room.id)).members).toEqual([bob.name]);
    expect(await refusal(chat.access(carol, room.id))).toMatchObject({ code: 'forbidden' });
  });
});

test('who is not enabled may do nothing, and is told why', async () => {
  const room = await rig.make({ privacy: 'open' });
  const refused = await Promise.all(
    [
      chat.categories(eve),
      chat.room(eve, room.id),
      chat.room(eve, 'no such room'),
      chat.findRooms(eve, {}),
      chat.invitations(eve),
      chat.createRoom(eve, { name: 'Mine', category: 'All' }),
      chat.post(eve, room.id, { clientId: 'a', body: 'x' }),
      chat.history(eve, room.id, {}),
      chat.search(eve, { text: 'x' }),
      chat.unread(eve),
    ].map(refusal),
  );
  for (const each of refused)
    expect(each).toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('PersistentChatPolicy'),
    });
});

test('limits: entries in all lists, and rooms of one user', async () => {
  const [before] = await rig.sql('SELECT sum(entries)::int AS n FROM access_entries');
  const [counted] = await rig.sql(
    'SELECT (SELECT count(*) FROM room_access) + (SELECT count(*) FROM category_access) AS n',
  );
  expect(Number(counted?.n)).toBe(before?.n);
  const limits = (spec: object) =>
    rig.publish([{ kind: 'PersistentChatConfiguration', name: 'global', spec: spec }]);
  await limits({ maxAccessEntries: Number(before?.n) + 1 });
  expect(await refusal(rig.make({ members: [bob.name] }))).toMatchObject({
    code: 'limit',
    message: expect.stringContaining('maxAccessEntries'),
  });
  const room = await rig.make();
  await chat.deleteRoom(admin, room.id);
  await rig.make();
  await limits({ maxRoomsPerUser: 1 });
  expect(await refusal(rig.make())).toMatchObject({
    code: 'limit',
    message: expect.stringContaining(alice.name),
  });
  await limits({});
});
