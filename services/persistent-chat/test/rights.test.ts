// The table of rights as people meet it: for each kind and privacy of a room, what each of its roles may do, on two pods.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller, Room } from '../src/chat.ts';
import { address, createRig, type Rig } from './rig.ts';

let rig: Rig;
let chats: Rig['pods'][number]['role']['chat'][];

const admin: Caller = { name: 'root', admin: true };
const people = ['nobody', 'member', 'presenter', 'manager', 'outsider'] as const;
type Person = (typeof people)[number];
const who = (person: Person): Caller => ({ name: address(person) });

beforeAll(async () => {
  rig = await createRig({ pods: 2, users: [...people, 'creator'] });
  chats = rig.pods.map(({ role }) => role.chat);
  await chat().createCategory(admin, {
    name: 'All',
    allowed: ['domain:contoso.lab'],
    denied: [address('outsider')],
    creators: [address('creator')],
  });
});
afterAll(() => rig.close());

/** Each time the other pod. */
const chat = () => {
  chats.push(chats.shift() as (typeof chats)[number]);
  return chats[0] as (typeof chats)[number];
};

let made = 0;
async function makeRoom(kind: Room['kind'], privacy: Room['privacy']): Promise<Room> {
  made++;
  const room = await chat().createRoom(admin, {
    ...{ name: `${kind} ${privacy} ${made}`, category: 'All', kind, privacy },
    ...{ members: [address('member')], presenters: [address('presenter')], managers: [address('manager')] },
  });
  // Nobody is let in behind the wall; here somebody was in before it was built.
  await rig.sql("INSERT INTO room_access (room, principal, role) VALUES ($1, $2, 'manager')", [
    room.id,
    address('outsider'),
  ]);
  return room;
}

const OUTCOMES: Record<string, string> = { 'not-found': '?', forbidden: '-' };

/** A letter where it is done, "-" where it is forbidden, "?" where there is no such room for the caller. */
async function attempt(letter: string, asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
    return letter;
  } catch (error) {
    const outcome = OUTCOMES[(error as { code: string }).code];
    if (outcome === undefined) throw error;
    return outcome;
  }
}

/** see, read, list, post, manage */
async function deeds(caller: Caller, { id }: Room): Promise<string> {
  const posting = { clientId: `${caller.name.slice(0, 20)}${made++}`, body: 'x' };
  return [
    await attempt('s', chat().room(caller, id)),
    await attempt('r', chat().history(caller, id, {})),
    await attempt('l', chat().access(caller, id)),
    await attempt('p', chat().post(caller, id, posting)),
    await attempt('m', chat().changeRoom(caller, id, { description: `${made}` })),
  ].join('');
}

const table = async (room: Room): Promise<string[]> => {
  const rows: string[] = [];
  for (const person of people) rows.push(await deeds(who(person), room));
  return rows;
};

describe.each([
  //                            nobody   member   presenter manager  behind the wall
  ['normal', 'open', ['srlp-', 'srlp-', 'srlp-', 'srlpm', '?????']],
  ['normal', 'closed', ['s----', 'srlp-', 'srlp-', 'srlpm', '?????']],
  ['normal', 'secret', ['?????', 'srlp-', 'srlp-', 'srlpm', '?????']],
  ['auditorium', 'open', ['srl--', 'srl--', 'srlp-', 'srlpm', '?????']],
  ['auditorium', 'closed', ['s----', 'srl--', 'srlp-', 'srlpm', '?????']],
  ['auditorium', 'secret', ['?????', 'srl--', 'srlp-', 'srlpm', '?????']],
] as const)('%s, %s', (kind, privacy, expected) => {
  test('as the table has it, and administrators do everything but join', async () => {
    const room = await makeRoom(kind, privacy);
    expect(await table(room)).toEqual(expected);
    expect(await deeds(admin, room)).toBe('srlpm');
  });
});

test('a room that becomes another has the other table, on the pods that did not change it too', async () => {
  const room = await makeRoom('normal', 'open');
  await table(room);
  await chat().changeRoom(who('manager'), room.id, { kind: 'auditorium', privacy: 'secret' });
  expect(await table(room)).toEqual(['?????', 'srl--', 'srlp-', 'srlpm', '?????']);
  await chat().changeAccess(who('manager'), room.id, {
    add: { members: [address('nobody')] },
    remove: { presenters: [address('presenter')], members: [address('member')] },
  });
  expect(await table(room)).toEqual(['srl--', '?????', '?????', 'srlpm', '?????']);
  await chat().changeCategory(admin, 'All', { denied: [address('manager')] });
  expect(await table(room)).toEqual(['srl--', '?????', '?????', '?????', 'srlpm']);
  await chat().changeCategory(admin, 'All', { denied: [address('outsider')] });
});

test('somebody is removed while many post: nothing of theirs is stored after the removal', async () => {
  const room = await makeRoom('normal', 'closed');
  const [one, two] = rig.pods.map(({ role }) => role.chat) as [(typeof chats)[0], (typeof chats)[0]];
  await two.post(who('member'), room.id, { clientId: 'before', body: 'x' });
  const posts = Array.from({ length: 15 }, (_, at) =>
    two.post(who('member'), room.id, { clientId: `race ${at}`, body: 'x' }),
  );
  const removed = one.changeAccess(who('manager'), room.id, { remove: { members: [address('member')] } });
  const settled = await Promise.allSettled([removed, ...posts]);
  expect(settled[0]?.status).toBe('fulfilled');
  const acknowledged = settled.slice(1).filter(({ status }) => status === 'fulfilled').length;
  const [stored] = await rig.sql(
    'SELECT count(*)::int AS posts, max(seq)::int AS last FROM posts WHERE room = $1 AND author = $2',
    [room.id, address('member')],
  );
  expect(stored?.posts).toBe(acknowledged + 1);
  expect(await attempt('p', two.post(who('member'), room.id, { clientId: 'after', body: 'x' }))).toBe('-');
});

test('categories and their lists change while rooms are made and lists change: nobody waits for each other', async () => {
  const creator = { name: address('creator') };
  const [one, two] = rig.pods.map(({ role }) => role.chat) as [(typeof chats)[0], (typeof chats)[0]];
  await one.createCategory(admin, {
    name: 'Busy',
    allowed: ['domain:contoso.lab'],
    creators: [creator.name],
  });
  const rooms = await Promise.all(
    [1, 2, 3, 4].map((n) => one.createRoom(creator, { name: `Busy ${n}`, category: 'Busy' })),
  );
  const work = Array.from({ length: 100 }, (_, at) => {
    const chat = at % 2 ? one : two;
    const { id } = rooms[at % rooms.length] as Room;
    const list = { members: [address(people[at % 4] as Person)] };
    switch (at % 5) {
      case 0:
        return chat.changeCategory(admin, 'Busy', { denied: at % 10 ? [address('outsider')] : [] });
      case 1:
        return chat.changeRoom(admin, id, { category: at % 3 ? 'Busy' : 'All', description: `${at}` });
      case 2:
        return chat.createRoom(creator, { name: `More ${at}`, category: 'Busy' });
      default:
        return chat.changeAccess(admin, id, at % 2 ? { add: list } : { remove: list });
    }
  });
  const failures = (await Promise.allSettled(work)).filter(({ status }) => status === 'rejected');
  expect(failures).toEqual([]);
  const [counted] = await rig.sql(
    `SELECT (SELECT count(*) FROM room_access) + (SELECT count(*) FROM category_access) AS entries,
       (SELECT sum(entries) FROM access_entries) AS kept`,
  );
  expect(Number(counted?.entries)).toBe(Number(counted?.kept));
});
