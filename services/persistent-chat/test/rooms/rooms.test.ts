import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller, Chat, RoomSpec } from '../../src/chat.ts';
import type { Pod } from '../rig.ts';
import { admin, alice, bob, carol, createRoomsRig, type RoomsRig, refusal } from './rig.ts';

let rig: RoomsRig;
let chat: Chat;
let other: Chat;

beforeAll(async () => {
  rig = await createRoomsRig();
  ({ chat, other } = rig);
});
afterAll(() => rig.close());

/** What waits to be published: all, while NATS is away. */
const events = async (scope: string): Promise<{ seq: number; kind: string; change?: object }[]> => {
  const rows = await rig.sql('SELECT events FROM outbox WHERE scope = $1 ORDER BY first', [scope]);
  return rows.flatMap((row) => JSON.parse(row.events as string));
};

describe('rooms', () => {
  test('are made by creators, who manage them', async () => {
    const room = await rig.make({ description: 'All of it', members: [bob.name] });
    expect(room).toMatchObject({ kind: 'normal', privacy: 'closed', disabled: false, lastSeq: 3 });
    expect(await chat.access(alice, room.id)).toEqual({
      members: [bob.name],
      managers: [alice.name],
      presenters: [],
    });
    expect(await chat.room(bob, room.name.toUpperCase())).toMatchObject({
      id: room.id,
      categoryName: 'All',
      roles: ['member'],
      mayPost: true,
    });
    expect(await refusal(rig.make({}, bob))).toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('none of those who create rooms'),
    });
    expect(await refusal(rig.make({ category: 'Nowhere' }))).toMatchObject({ code: 'not-found' });
  });

  test('have names that nobody else has, on whichever pod they are made', async () => {
    await rig.make({ name: 'The One' });
    const again = { name: 'the one', category: 'All' };
    expect(await refusal(other.createRoom(alice, again))).toEqual({
      code: 'conflict',
      message: 'name: there is a room "the one" already',
    });
    await rig.make({ name: '\u00dcbung caf\u00e9' });
    for (const name of ['\u00fcbung CAF\u00c9', 'U\u0308bung  cafe\u0301 '])
      expect(await refusal(other.createRoom(alice, { name, category: 'All' }))).toMatchObject({
        code: 'conflict',
      });
    const made = await Promise.allSettled(
      [chat, other, chat, other].map((each) => each.createRoom(alice, { name: 'Race', category: 'All' })),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const two = await rig.make();
    expect(await refusal(chat.changeRoom(alice, two.id, { name: 'RACE' }))).toMatchObject({
      code: 'conflict',
    });
  });

  test.each([
    ['name', { name: 'x'.repeat(257) }],
    ['name', { name: 'two\nlines' }],
    ['description', { description: 'x'.repeat(1025) }],
    ['kind', { kind: 'forum' }],
    ['privacy', { privacy: 'hidden' }],
    ['members', { members: ['nobody'] }],
    ['zoe@contoso.lab', { members: ['zoe@contoso.lab'] }],
    ['colour', { colour: 'red' }],
  ])('are refused with a word of what is wrong: %s', async (field, spec) => {
    const refused = await refusal(rig.make(spec as Partial<RoomSpec>));
    expect(refused.code).toBe('invalid');
    expect(refused.message).toContain(field);
  });

  test('are changed by their managers but for what is the administrators’', async () => {
    const room = await rig.make({ members: [bob.name] });
    expect(await refusal(chat.changeRoom(bob, room.id, { description: 'x' }))).toMatchObject({
      code: 'forbidden',
    });
    const changed = await chat.changeRoom(alice, room.id, {
      kind: 'auditorium',
      privacy: 'open',
      invitations: false,
    });
    expect(changed).toMatchObject({ kind: 'auditorium', privacy: 'open', invitations: false });
    expect((await chat.changeRoom(alice, room.id, { invitations: true })).invitations).toBeUndefined();
    const addIn = 'https://apps.contoso.lab/board';
    expect(await refusal(chat.changeRoom(alice, room.id, { addIn }))).toMatchObject({ code: 'forbidden' });
    expect(await chat.changeRoom(admin, room.id, { addIn })).toMatchObject({ addIn });
    expect(await refusal(chat.changeRoom(alice, room.id, { members: [] }))).toMatchObject({
      code: 'invalid',
    });
    await chat.createCategory(admin, { name: 'Elsewhere', allowed: ['domain:contoso.lab'] });
    expect(await refusal(chat.changeRoom(alice, room.id, { category: 'Elsewhere' }))).toMatchObject({
      code: 'forbidden',
    });
    await chat.changeCategory(admin, 'Elsewhere', { creators: ['domain:contoso.lab'] });
    await chat.changeCategory(admin, 'Elsewhere', { retentionDays: 7 });
    const move = () => chat.changeRoom(alice, room.id, { category: 'Elsewhere' });
    expect(await refusal(move())).toMatchObject({ code: 'forbidden' });
    await chat.changeCategory(admin, 'Elsewhere', { retentionDays: 0 });
    await move();
    expect(await other.room(bob, room.id)).toMatchObject({ categoryName: 'Elsewhere' });
    await chat.post(alice, room.id, { clientId: 'said', body: 'for those of this category' });
    expect(await refusal(chat.changeRoom(alice, room.id, { category: 'All' }))).toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('by an administrator'),
    });
    expect(await chat.changeRoom(admin, room.id, { category: 'All' })).toMatchObject({ id: room.id });
  });

  test('are disabled by managers, and then read by administrators alone', async () => {
    const room = await rig.make({ members: [bob.name] });
    await chat.post(bob, room.id, { clientId: 'a', body: 'one' });
    await chat.setDisabled(alice, room.id, true);
    for (const each of [chat, other]) {
      expect(await refusal(each.post(bob, room.id, { clientId: 'b', body: 'two' }))).toMatchObject({
        code: 'forbidden',
      });
      expect(await refusal(each.history(bob, room.id, {}))).toMatchObject({ code: 'forbidden' });
      expect(await refusal(each.history(alice, room.id, {}))).toMatchObject({ code: 'forbidden' });
      expect(await each.history(admin, room.id, {})).toHaveLength(1);
    }
    const found = async (caller: Caller) =>
      (await chat.findRooms(caller, { text: room.name })).map(({ id }) => id);
    expect(await found(alice)).toContain(room.id);
    expect(await found(bob)).not.toContain(room.id);
    await other.setDisabled(alice, room.id, false);
    expect(await chat.post(bob, room.id, { clientId: 'b', body: 'two' })).toMatchObject({ body: 'two' });
  });

  test('that somebody else keeps are not waited for without end, nor are their categories', async () => {
    await chat.createCategory(admin, {
      name: 'Kept',
      allowed: ['domain:contoso.lab'],
      creators: [alice.name],
    });
    const room = await rig.make({ category: 'Kept' });
    const holder = await (rig.pods[1] as Pod).started.host.postgres?.connect();
    try {
      await holder?.query('BEGIN');
      await holder?.query('SELECT FROM rooms WHERE id = $1 FOR NO KEY UPDATE', [room.id]);
      const asked = [
        chat.changeRoom(alice, room.id, { description: 'new' }),
        chat.setDisabled(alice, room.id, true),
        chat.changeAccess(alice, room.id, { add: { members: [bob.name] } }),
        chat.changeCategory(admin, 'Kept', { fileUpload: false }),
      ];
      expect((await Promise.all(asked.map(refusal))).map(({ code }) => code)).toEqual(
        asked.map(() => 'unavailable'),
      );
    } finally {
      await holder?.query('ROLLBACK');
      holder?.release();
    }
    expect(await chat.changeRoom(alice, room.id, { description: 'new' })).toMatchObject({
      description: 'new',
    });
  });

  test('are deleted by administrators, unless they are held', async () => {
    const room = await rig.make();
    expect(await refusal(chat.deleteRoom(alice, room.id))).toMatchObject({ code: 'forbidden' });
    await chat.setLegalHold(admin, room.id, true);
    expect(await refusal(chat.deleteRoom(admin, room.id))).toMatchObject({
      message: expect.stringContaining('held'),
    });
    await chat.setLegalHold(admin, room.id, false);
    await chat.deleteRoom(admin, room.id);
    for (const each of [chat, other])
      expect(await refusal(each.room(alice, room.id))).toMatchObject({ code: 'not-found' });
  });

  test('with many posts are taken out of use and emptied, part by part, before they are deleted', async () => {
    await rig.lab.stopNats();
    try {
      const room = await rig.make({ members: [bob.name] });
      await rig.sql(
        `INSERT INTO posts (room, seq, author, at, client_id, body)
         SELECT $1, n, $2, now(), n, 'x' FROM generate_series(11, 5010) AS n`,
        [room.id, bob.name],
      );
      await rig.sql('UPDATE rooms SET last_seq = 5010 WHERE id = $1', [room.id]);
      await chat.deleteRoom(admin, room.id);
      const told = (await events(room.id)).filter(({ seq }) => seq > 5010);
      expect(told.map(({ kind }) => kind)).toEqual([
        ...['room-disabled', 'purged', 'purged', 'purged', 'room-deleted'],
      ]);
      const purged = told.flatMap((event) => ('posts' in event ? [event.posts as number[]] : []));
      expect(purged.map(({ length }) => length)).toEqual([2000, 2000, 1000]);
      expect(await refusal(other.room(admin, room.id))).toMatchObject({ code: 'not-found' });
    } finally {
      await rig.lab.startNats();
    }
  });

  test('keep nothing of who leaves them: who is asked back is invited, and has read nothing', async () => {
    const room = await rig.make({ members: [carol.name] });
    await chat.post(alice, room.id, { clientId: 'a', body: 'x' });
    await chat.markRead(carol, room.id, 10);
    const known = async () =>
      (await rig.sql('SELECT 1 FROM read_marks WHERE room = $1 AND member = $2', [room.id, carol.name]))
        .length;
    await chat.changeAccess(alice, room.id, {
      add: { presenters: [carol.name] },
      remove: { members: [carol.name] },
    });
    expect(await known()).toBe(1);
    await chat.changeAccess(alice, room.id, { remove: { presenters: [carol.name] } });
    expect(await known()).toBe(0);
    await chat.changeAccess(alice, room.id, { add: { members: [carol.name] } });
    expect((await other.invitations(carol)).map(({ room: { id } }) => id)).toContain(room.id);
  });

  test('give every change a number, and tell of it', async () => {
    await rig.lab.stopNats();
    try {
      const room = await rig.make({ members: [bob.name] });
      await chat.changeRoom(alice, room.id, { description: 'new' });
      await chat.changeRoom(alice, room.id, { description: 'new' });
      await chat.changeAccess(alice, room.id, {
        add: { presenters: [bob.name] },
        remove: { members: [carol.name] },
      });
      await chat.setDisabled(alice, room.id, true);
      const told = await events(room.id);
      expect(told.map(({ seq, kind }) => [seq, kind])).toEqual([
        [1, 'room-created'],
        [2, 'access-changed'],
        [3, 'invite'],
        [4, 'room-changed'],
        [5, 'access-changed'],
        [6, 'room-disabled'],
      ]);
      expect(told[4]?.change).toEqual({ [bob.name]: ['member', 'presenter'] });
    } finally {
      await rig.lab.startNats();
    }
  });
});
