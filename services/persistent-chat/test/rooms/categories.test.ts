import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller, Chat } from '../../src/chat.ts';
import { admin, alice, bob, createRoomsRig, eve, type RoomsRig, refusal } from './rig.ts';

let rig: RoomsRig;
let chat: Chat;

beforeAll(async () => {
  rig = await createRoomsRig();
  ({ chat } = rig);
});
afterAll(() => rig.close());

describe('categories', () => {
  test('are made, changed and deleted by administrators alone', async () => {
    expect(await refusal(chat.createCategory(alice, { name: 'Mine' }))).toMatchObject({ code: 'forbidden' });
    const made = await chat.createCategory(admin, { name: ' Trading  desk ', denied: ['eve@contoso.lab'] });
    expect(made).toMatchObject({ name: 'Trading desk', invitations: true, allowed: [], denied: [eve.name] });
    expect(await refusal(chat.createCategory(admin, { name: 'trading DESK' }))).toEqual({
      code: 'conflict',
      message: 'name: there is a category "trading DESK" already',
    });
    const changed = await chat.changeCategory(admin, 'Trading Desk', {
      fileUpload: false,
      retentionDays: 30,
      denied: [],
      allowed: ['group:Sales'],
    });
    expect(changed).toMatchObject({
      fileUpload: false,
      retentionDays: 30,
      denied: [],
      allowed: ['group:Sales'],
    });
    expect(await chat.changeCategory(admin, made.id, { retentionDays: 0 })).toMatchObject({
      retentionDays: undefined,
    });
    await chat.deleteCategory(admin, made.id);
    expect(await refusal(chat.changeCategory(admin, made.id, {}))).toMatchObject({ code: 'not-found' });
  });

  test('with rooms stay', async () => {
    await chat.createCategory(admin, { name: 'Full' });
    await chat.createRoom(admin, { name: 'In Full', category: 'Full' });
    expect(await refusal(chat.deleteCategory(admin, 'Full'))).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('has rooms'),
    });
  });

  test('name only who is there, and say what is wrong', async () => {
    const refused = (spec: object) => refusal(chat.createCategory(admin, { name: 'Odd', ...spec }));
    expect(await refused({ allowed: ['zoe@contoso.lab'] })).toMatchObject({
      code: 'invalid',
      message: 'zoe@contoso.lab: there is no such user',
    });
    expect(await refused({ creators: ['group:Ghosts'] })).toMatchObject({ code: 'invalid' });
    expect(await refused({ denied: ["x'; DROP TABLE rooms; --"] })).toMatchObject({ code: 'invalid' });
    expect(await refused({ colour: 'red' })).toMatchObject({
      message: 'colour: a category has no such setting',
    });
    expect(await refused({ retentionDays: -1 })).toMatchObject({ code: 'invalid' });
    expect(await refused({ name: 'a\u0000b' })).toMatchObject({ code: 'invalid' });
  });

  test('are shown to who is allowed in them, without their lists', async () => {
    await chat.createCategory(admin, { name: 'Wall', allowed: ['domain:contoso.lab'], denied: [bob.name] });
    const names = async (caller: Caller) => (await chat.categories(caller)).map(({ name }) => name);
    expect(await names(alice)).toContain('Wall');
    expect(await names(bob)).not.toContain('Wall');
    expect((await chat.categories(alice)).find(({ name }) => name === 'Wall')).toMatchObject({
      allowed: [],
      denied: [],
    });
    expect((await chat.categories(admin)).find(({ name }) => name === 'Wall')).toMatchObject({
      denied: [bob.name],
    });
  });
});
