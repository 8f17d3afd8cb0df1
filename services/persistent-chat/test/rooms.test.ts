import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller, Chat, ChatErrorCode, RoomSpec } from '../src/chat.ts';
import { address, createRig, groupDocument, type Pod, type Rig } from './rig.ts';

let rig: Rig;
let chat: Chat;
let other: Chat;

const admin: Caller = { name: 'root', admin: true };
const [alice, bob, carol, dave, eve] = ['alice', 'bob', 'carol', 'dave', 'eve'].map((name) => ({
  name: address(name),
})) as [Caller, Caller, Caller, Caller, Caller];

beforeAll(async () => {
  rig = await createRig({
    pods: 2,
    users: ['alice', 'bob', 'carol', 'dave'],
    strangers: ['eve'],
    groups: { Sales: ['bob', 'carol'] },
  });
  [chat, other] = rig.pods.map(({ role }) => role.chat) as [Chat, Chat];
  await chat.createCategory(admin, {
    name: 'All',
    allowed: ['domain:contoso.lab'],
    creators: [alice.name],
  });
});
afterAll(() => rig.close());

let count = 0;
const make = (spec: Partial<RoomSpec> = {}, caller = alice) =>
  chat.createRoom(caller, { name: `Room ${++count}`, category: 'All', ...spec });

/** What it is refused with. */
async function refusal(asked: Promise<unknown>): Promise<{ code: ChatErrorCode; message: string }> {
  const error = await asked.then(
    () => new Error('was not refused'),
    (error) => error,
  );
  if (error.name !== 'ChatError') throw error;
  return { code: error.code, message: error.message };
}

/** What waits to be published: all, while NATS is away. */
const events = async (scope: string): Promise<{ seq: number; kind: string; change?: object }[]> => {
  const rows = await rig.sql('SELECT events FROM outbox WHERE scope = $1 ORDER BY first', [scope]);
  return rows.flatMap((row) => JSON.parse(row.events as string));
};

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

describe('rooms', () => {
  test('are made by creators, who manage them', async () => {
    const room = await make({ description: 'All of it', members: [bob.name] });
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
    expect(await refusal(make({}, bob))).toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('none of those who create rooms'),
    });
    expect(await refusal(make({ category: 'Nowhere' }))).toMatchObject({ code: 'not-found' });
  });

  test('have names that nobody else has, on whichever pod they are made', async () => {
    await make({ name: 'The One' });
    const again = { name: 'the one', category: 'All' };
    expect(await refusal(other.createRoom(alice, again))).toEqual({
      code: 'conflict',
      message: 'name: there is a room "the one" already',
    });
    await make({ name: '\u00dcbung caf\u00e9' });
    for (const name of ['\u00fcbung CAF\u00c9', 'U\u0308bung  cafe\u0301 '])
      expect(await refusal(other.createRoom(alice, { name, category: 'All' }))).toMatchObject({
        code: 'conflict',
      });
    const made = await Promise.allSettled(
      [chat, other, chat, other].map((each) => each.createRoom(alice, { name: 'Race', category: 'All' })),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const two = await make();
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
    const refused = await refusal(make(spec as Partial<RoomSpec>));
    expect(refused.code).toBe('invalid');
    expect(refused.message).toContain(field);
  });

  test('are changed by their managers but for what is the administrators’', async () => {
    const room = await make({ members: [bob.name] });
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
    const room = await make({ members: [bob.name] });
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
    const room = await make({ category: 'Kept' });
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
    const room = await make();
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
      const room = await make({ members: [bob.name] });
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
    const room = await make({ members: [carol.name] });
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
      const room = await make({ members: [bob.name] });
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
    for (const each of [chat, other]) await each.post(bob, room.id, { clientId: `w${count++}`, body: 'x' });
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
    const room = await make({ members: [bob.name] });
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
    const room = await make({ members: ['group:Sales'] });
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
    const room = await make();
    const without = { remove: { managers: [alice.name] } };
    expect(await refusal(chat.changeAccess(alice, room.id, without))).toMatchObject({ code: 'conflict' });
    expect((await chat.access(alice, room.id)).managers).toEqual([alice.name]);
    await chat.changeAccess(alice, room.id, { add: { managers: [bob.name] }, ...without });
    expect(await refusal(chat.changeAccess(alice, room.id, without))).toMatchObject({ code: 'forbidden' });
  });

  test('are shown to who is in the room', async () => {
    const room = await make({ members: [bob.name] });
    expect((await chat.access(bob, room.id)).members).toEqual([bob.name]);
    expect(await refusal(chat.access(carol, room.id))).toMatchObject({ code: 'forbidden' });
  });
});

describe('finding', () => {
  const found = async (caller: Caller, query: Parameters<Chat['findRooms']>[1]) =>
    (await other.findRooms(caller, query)).map(({ name }) => name);

  test('by words and their beginnings in names and descriptions', async () => {
    await make({ name: 'R&D / Berlin', description: 'about contoso.lab', privacy: 'open' });
    for (const text of ['r&d', 'BERL', 'd/berlin', 'contoso', 'lab berlin', 'contoso.lab'])
      expect(await found(bob, { text })).toContain('R&D / Berlin');
    expect(await found(bob, { text: 'berlin paris' })).toEqual([]);
    for (const text of ["' | 'a", '!', '\\', "a':*'", '\u0000'])
      await found(bob, { text }).catch((error) => expect(error).toMatchObject({ code: 'invalid' }));
  });

  test('secret rooms only by who is in them', async () => {
    const secret = await make({ name: 'Hush', privacy: 'secret', members: [bob.name] });
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
    for (const name of ['page c', 'Page A', 'page B']) await make({ name, members: [dave.name] });
    expect(await found(dave, { text: 'page', limit: 2 })).toEqual(['Page A', 'page B']);
    expect(await found(dave, { text: 'page', limit: 2, after: 'page B' })).toEqual(['page c']);
    expect(await found(dave, { mine: true })).toEqual(['Page A', 'page B', 'page c']);
    expect(await refusal(chat.findRooms(dave, { limit: 0 }))).toMatchObject({ code: 'invalid' });
  });
});

describe('invitations', () => {
  test('go to who was added where room and category have them', async () => {
    await make({ name: 'Party', members: [dave.name, 'group:Sales'] });
    await make({ name: 'Quiet', members: [dave.name], invitations: false });
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

test('who is not enabled may do nothing, and is told why', async () => {
  const room = await make({ privacy: 'open' });
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
  expect(await refusal(make({ members: [bob.name] }))).toMatchObject({
    code: 'limit',
    message: expect.stringContaining('maxAccessEntries'),
  });
  const room = await make();
  await chat.deleteRoom(admin, room.id);
  await make();
  await limits({ maxRoomsPerUser: 1 });
  expect(await refusal(make())).toMatchObject({
    code: 'limit',
    message: expect.stringContaining(alice.name),
  });
  await limits({});
});
