import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller, Chat } from '../../src/chat.ts';
import { admin, alice, bob, carol, createRoomsRig, dave, type RoomsRig, refusal } from './rig.ts';

let rig: RoomsRig;
let chat: Chat;
let other: Chat;

beforeAll(async () => {
  rig = await createRoomsRig();
  ({ chat, other } = rig);
});
afterAll(() => rig.close());

describe('finding', () => {
  const found = async (caller: Caller, query: Parameters<Chat['findRooms']>[1]) =>
    (await other.findRooms(caller, query)).map(({ name }) => name);

  test('by words and their beginnings in names and descriptions', async () => {
    await rig.make({ name: 'R&D / Berlin', description: 'about contoso.lab', privacy: 'open' });
    for (const text of ['r&d', 'BERL', 'd/berlin', 'contoso', 'lab berlin', 'contoso.lab'])
      expect(await found(bob, { text })).toContain('R&D / Berlin');
    expect(await found(bob, { text: 'berlin paris' })).toEqual([]);
    for (const text of ["' | 'a", '!', '\\', "a':*'", '\u0000'])
      await found(bob, { text }).catch((error) => expect(error).toMatchObject({ code: 'invalid' }));
  });

  test('secret rooms only by who is in them', async () => {
    const secret = await rig.make({ name: 'Hush', privacy: 'secret', members: [bob.name] });
    expect(await found(bob, { text: 'hush' })).toEqual(['Hush']);
    expect(await found(carol, { text: 'hush' })).toEqual([]);
    expect(await found(admin, { text: 'hush' })).toEqual(['Hush']);
    const hidden = await refusal(other.room(carol, 'Hush'));
    expect(hidden).toEqual({
      code: 'not-found',
      message: 'there is no room "Hush" that you may know of',
    });
    expect((await refusal(other.room(carol, 'Nothing'))).message).toBe(
      hidden.message.replace('Hush', 'Nothing'),
    );
    const refused = await Promise.all(
      [
        chat.post(carol, secret.id, { clientId: 'a', body: 'x' }),
        chat.history(carol, secret.id, {}),
        chat.changeRoom(carol, secret.id, { name: 'Mine' }),
        chat.changeAccess(carol, secret.id, { add: { members: [carol.name] } }),
        chat.access(carol, secret.id),
        chat.setDisabled(carol, secret.id, true),
      ].map(refusal),
    );
    expect(refused.map(({ code }) => code)).toEqual(refused.map(() => 'not-found'));
  });

  test('page by page, all or mine', async () => {
    for (const name of ['page c', 'Page A', 'page B']) await rig.make({ name, members: [dave.name] });
    expect(await found(dave, { text: 'page', limit: 2 })).toEqual(['Page A', 'page B']);
    expect(await found(dave, { text: 'page', limit: 2, after: 'page B' })).toEqual(['page c']);
    expect(await found(dave, { mine: true })).toEqual(['Page A', 'page B', 'page c']);
    expect(await refusal(chat.findRooms(dave, { limit: 0 }))).toMatchObject({ code: 'invalid' });
  });
});

describe('invitations', () => {
  test('go to who was added where room and category have them', async () => {
    await rig.make({ name: 'Party', members: [dave.name, 'group:Sales'] });
    await rig.make({ name: 'Quiet', members: [dave.name], invitations: false });
    const invited = async (caller: Caller) => (await other.invitations(caller)).map(({ room }) => room.name);
    expect(await invited(dave)).toContain('Party');
    expect(await invited(dave)).not.toContain('Quiet');
    expect(await invited(bob)).toContain('Party');
    expect((await other.invitations(dave))[0]).toMatchObject({
      by: alice.name,
      at: expect.stringMatching(/Z$/),
    });
    await chat.changeAccess(alice, 'Party', { remove: { members: [dave.name] } });
    expect(await invited(dave)).not.toContain('Party');
  });
});
