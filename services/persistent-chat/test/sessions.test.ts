import { randomUUID } from 'node:crypto';
import { type ChatEvent, chatEventSubject } from '@linchpin/proto/chat-events';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Caller, Participant, Participation, Posting } from '../src/chat.ts';
import { createPods, type Pod, type Pods } from './pods.ts';

let pods: Pods;
let one: Pod;
let two: Pod;

beforeAll(async () => {
  pods = await createPods();
  [one, two] = await Promise.all([pods.start('one'), pods.start('two')]);
});
afterAll(async () => {
  await pods.close();
  expect(pods.errors()).toEqual([]);
});

const caller = (name: string): Caller => ({ name: `${name}@contoso.lab` });
const [alice, bob, carol] = ['alice', 'bob', 'carol'].map(caller) as [Caller, Caller, Caller];
const people = [alice, bob, carol].map(({ name }) => name);
const saying = (body: string): Posting => ({ clientId: randomUUID(), body });
const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 30_000, interval: 20 });

interface Heard {
  events: ChatEvent[];
  rosters: (readonly Participant[] | undefined)[];
  ended: string[];
  participation: Participation;
  bodies(): string[];
}

const sessions: Participation[] = [];
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((each) => each.part()));
});

async function join(
  pod: Pod,
  who: Caller,
  room: string,
  onEvents: (events: readonly ChatEvent[]) => void | Promise<void> = () => {},
): Promise<Heard> {
  const heard: Heard = {
    ...{ events: [], rosters: [], ended: [], participation: undefined as never },
    bodies: () => heard.events.flatMap((event) => (event.kind === 'post' ? event.body : [])),
  };
  heard.participation = await pod.sessions.join(who, room, {
    onEvents(events) {
      heard.events.push(...events);
      return onEvents(events);
    },
    onRoster: (roster) => void heard.rosters.push(roster),
    onEnded: (why) => void heard.ended.push(why),
  });
  sessions.push(heard.participation);
  return heard;
}

test('everybody on every pod hears every post once and in order', async () => {
  const room = await pods.room('fan-out', people);
  const heard = await Promise.all([join(one, alice, room), join(two, bob, room), join(two, carol, room)]);
  await Promise.all(
    Array.from({ length: 300 }, (_, turn) =>
      (turn % 2 ? one : two).messages.post(alice, room, saying(`${turn}`)),
    ),
  );
  for (const each of heard) {
    await eventually(() => expect(each.bodies()).toHaveLength(300));
    const numbers = each.events.map(({ seq }) => seq);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  }
});

test('history and events follow on each other without a hole, however much is posted meanwhile', async () => {
  const room = await pods.room('no hole', people);
  let stop = false;
  let posted = 0;
  const posting = (async () => {
    while (!stop)
      await Promise.all([one, two].map((pod) => pod.messages.post(alice, room, saying(`${posted++}`))));
  })();
  const heard: Heard[] = [];
  for (let turn = 0; turn < 10; turn++)
    heard.push(await join(turn % 2 ? one : two, turn % 3 ? bob : carol, room));
  stop = true;
  await posting;
  const [{ seq }] = await pods.sql('SELECT max(seq)::int AS seq FROM posts WHERE room = $1', [room]);
  const stored = (await pods.sql('SELECT seq::int, body FROM posts WHERE room = $1 ORDER BY seq', [
    room,
  ])) as {
    seq: number;
    body: string;
  }[];
  for (const each of heard) {
    await eventually(() => expect(each.events.at(-1)?.seq).toBeGreaterThanOrEqual(seq));
    const { history } = each.participation;
    const seen = [...history.map(({ body }) => body), ...each.bodies()];
    expect(seen).toEqual(stored.slice(-seen.length).map(({ body }) => body));
    expect(history.length).toBeLessThanOrEqual(30);
    expect(history.every((post) => post.seq <= each.participation.room.lastSeq)).toBe(true);
  }
});

test('whoever joins learns who is there, and the others that somebody came', async () => {
  const room = await pods.room('roster', people);
  const first = await join(one, alice, room);
  expect(first.participation.roster).toMatchObject([{ name: alice.name }]);
  expect(first.participation.room).toMatchObject({
    id: room,
    name: 'roster',
    roles: ['member'],
    mayPost: true,
    unread: 0,
  });
  const second = await join(two, bob, room);
  expect(second.participation.roster?.map(({ name }) => name)).toEqual([alice.name, bob.name]);
  const again = await join(one, bob, room);
  await second.participation.part();
  await again.participation.part();
  await eventually(() =>
    expect(first.events.map(({ kind, by }) => [kind, by])).toEqual([
      ['join', bob.name],
      ['part', bob.name],
    ]),
  );
  expect(await pods.sql('SELECT member, pod FROM participants WHERE room = $1', [room])).toEqual([
    { member: alice.name, pod: 'one' },
  ]);
});

test('a room that is too full has no roster, and has one again when it is emptier', async () => {
  const names = Array.from({ length: 12 }, (_, n) => `user${n}`);
  const room = await pods.room('full roster', [...people, ...names.map((name) => `${name}@contoso.lab`)]);
  pods.limits.rosterLimit = 10;
  try {
    const first = await join(one, alice, room);
    const others = await Promise.all(names.map((name, n) => join(n % 2 ? one : two, caller(name), room)));
    await eventually(() => expect(first.rosters).toEqual([undefined]));
    expect((await join(two, bob, room)).participation.roster).toBeUndefined();
    const joinsBefore = first.events.length;
    for (const other of others.slice(0, 5)) await other.participation.part();
    await one.messages.post(alice, room, saying('nine are too many yet'));
    await eventually(() => expect(first.bodies()).toHaveLength(1));
    expect(first.events).toHaveLength(joinsBefore + 1);
    for (const other of others.slice(5, 7)) await other.participation.part();
    await eventually(() => expect(first.rosters).toHaveLength(2));
    expect(first.rosters[1]?.map(({ name }) => name)).toEqual(
      [alice, bob, ...names.slice(7).map(caller)].map(({ name }) => name).sort(),
    );
    await others[7]?.participation.part();
    await eventually(() =>
      expect(first.events.at(-1)).toMatchObject({ kind: 'part', by: 'user7@contoso.lab' }),
    );
  } finally {
    pods.limits.rosterLimit = 75;
  }
});

test('a member who is removed while posts come is ended at once on all pods, and hears of nothing later', async () => {
  const room = await pods.room('removal of the connected', people);
  const heard = await Promise.all([join(one, bob, room), join(two, bob, room), join(two, carol, room)]);
  let stop = false;
  const posting = (async () => {
    for (let turn = 0; !stop; turn++) await one.messages.post(alice, room, saying(`${turn}`));
  })();
  await pods.removeMember(two, room, bob.name);
  await eventually(() => expect(heard.map(({ ended }) => ended)).toEqual([['removed'], ['removed'], []]));
  await one.messages.post(alice, room, saying('after him'));
  stop = true;
  await posting;
  await eventually(() => expect(heard[2]?.bodies()).toContain('after him'));
  const removal = heard[2]?.events.find(({ kind }) => kind === 'access-changed')?.seq;
  expect(removal).toBeDefined();
  for (const { events } of heard.slice(0, 2))
    expect(events.filter(({ seq }) => seq > (removal as number))).toEqual([]);
  await expect(join(one, bob, room)).rejects.toMatchObject({ code: 'forbidden' });
  await eventually(async () => {
    const rows = await pods.sql('SELECT 1 FROM participants WHERE room = $1 AND member = $2', [
      room,
      bob.name,
    ]);
    expect(rows).toEqual([]);
  });
});

test('sessions of a room that is disabled or deleted end and say so', async () => {
  const [disabled, deleted] = [await pods.room('disabled', people), await pods.room('deleted', people)];
  const [first, second] = [await join(one, alice, disabled), await join(two, alice, deleted)];
  await pods.sql('UPDATE rooms SET disabled = true, access_version = access_version + 1 WHERE id = $1', [
    disabled,
  ]);
  await pods.sql("SELECT pg_notify('linchpin_chat_access', $1)", [`room ${disabled}`]);
  await eventually(() => expect(first.ended).toEqual(['disabled']));
  await pods.sql('DELETE FROM rooms WHERE id = $1', [deleted]);
  await eventually(() => expect(second.ended).toEqual(['deleted']));
});

test('a listener that takes nothing is ended as lagging, the others hear everything', async () => {
  const room = await pods.room('lagging', people);
  const slow = await join(one, bob, room, () => new Promise<void>(() => {}));
  const quick = await join(one, carol, room);
  for (let turn = 0; turn < 3; turn++)
    await Promise.all(
      Array.from({ length: 400 }, (_, n) => one.messages.post(alice, room, saying(`${turn}-${n}`))),
    );
  await eventually(() => expect(quick.bodies()).toHaveLength(1200));
  expect(slow.ended).toEqual(['lagging']);
  expect(quick.ended).toEqual([]);
});

test('what was stored and never published on time is read, in its place', async () => {
  const room = await pods.room('gap', people);
  const heard = await join(two, bob, room);
  const { seq } = await one.messages.post(alice, room, saying('to be edited'));
  // A pod stores three events and dies before it says anything; a fourth one is published.
  const silent = await pods.start('silent');
  silent.journal.committed = () => {};
  await silent.messages.post(alice, room, saying('unsaid'));
  await silent.messages.edit(alice, room, seq, { body: 'edited' });
  await silent.messages.react(carol, room, seq, '👍', true);
  await one.messages.post(alice, room, saying('said'));
  await eventually(() =>
    expect(heard.events.map(({ kind }) => kind)).toEqual(['post', 'post', 'edit', 'reaction', 'post']),
  );
  expect(heard.bodies()).toEqual(['to be edited', 'unsaid', 'said']);
  expect(heard.events[2]).toMatchObject({ kind: 'edit', post: seq, body: 'edited', before: { body: '' } });
  await silent.stop();
});

test('posts that were published and did not arrive are read, also when nothing comes after them', async () => {
  const room = await pods.room('lost', people);
  const heard = await join(two, bob, room);
  // A message of the future, as it were: NATS lost what came before it.
  await one.messages.post(alice, room, saying('first'));
  await eventually(() => expect(heard.bodies()).toEqual(['first']));
  await pods.sql(
    `WITH moved AS (UPDATE rooms SET last_seq = last_seq + 3 WHERE id = $1 RETURNING last_seq)
     INSERT INTO posts (room, seq, author, at, client_id, body) SELECT $1, last_seq - 1, $2, now(), 'lost', 'lost' FROM moved`,
    [room, alice.name],
  );
  await eventually(() => expect(heard.bodies()).toEqual(['first', 'lost']));
  await one.messages.post(alice, room, saying('next'));
  await eventually(() => expect(heard.bodies()).toEqual(['first', 'lost', 'next']));
});

test('messages that come again or are no events disturb nobody', async () => {
  const room = await pods.room('nonsense', people);
  const heard = await join(two, bob, room);
  await one.messages.post(alice, room, saying('first'));
  await eventually(() => expect(heard.bodies()).toEqual(['first']));
  const connection = await one.nats.connection();
  connection.publish(chatEventSubject(room), JSON.stringify(heard.events));
  connection.publish(chatEventSubject(room), 'nonsense');
  await one.messages.post(alice, room, saying('second'));
  await eventually(() => expect(heard.bodies()).toEqual(['first', 'second']));
});

test('chat goes on without NATS, on this pod at once and on others soon', async () => {
  const room = await pods.room('without NATS', people);
  const heard = await Promise.all([join(one, alice, room), join(two, bob, room)]);
  await pods.lab.stopNats();
  for (let turn = 0; turn < 5; turn++) await one.messages.post(alice, room, saying(`${turn}`));
  const late = await join(two, carol, room);
  expect(late.participation.history).toHaveLength(5);
  for (const each of heard) await eventually(() => expect(each.bodies()).toHaveLength(5));
  await pods.lab.startNats();
  await one.messages.post(alice, room, saying('back'));
  for (const each of [...heard, late]) await eventually(() => expect(each.bodies()).toContain('back'));
  expect([...heard, late].flatMap(({ ended }) => ended)).toEqual([]);
});

test('who was in a room through a pod that died has left it', async () => {
  const room = await pods.room('dead pod', people);
  const heard = await join(one, alice, room);
  const dying = await pods.start('dying');
  await dying.sessions.join(bob, room, { onEvents() {}, onEnded() {} });
  await dying.sessions.join(carol, room, { onEvents() {}, onEnded() {} });
  await join(two, carol, room);
  await dying.kill();
  await eventually(() =>
    expect(heard.events.map(({ kind, by }) => `${kind} ${by}`)).toEqual([
      `join ${bob.name}`,
      `join ${carol.name}`,
      `part ${bob.name}`,
    ]),
  );
});

test('a pod that comes back under its name finds nobody of its past life', async () => {
  const room = await pods.room('past life', people);
  await pods.sql("INSERT INTO participants (room, member, pod) VALUES ($1, $2, 'again')", [room, bob.name]);
  const again = await pods.start('again');
  await eventually(async () =>
    expect(await pods.sql('SELECT 1 FROM participants WHERE room = $1', [room])).toEqual([]),
  );
  // And those whose rows others took away are there again.
  const heard = await join(again, bob, room);
  await pods.sql('DELETE FROM participants WHERE room = $1', [room]);
  await pods.lab.stopNats();
  await pods.lab.startNats();
  await eventually(async () =>
    expect(await pods.sql('SELECT member FROM participants WHERE room = $1', [room])).toEqual([
      { member: bob.name },
    ]),
  );
  expect(heard.ended).toEqual([]);
  await heard.participation.part();
  await again.stop();
});

test('a pod that shuts down sends its sessions elsewhere and leaves nobody in a room', async () => {
  const room = await pods.room('moved', people);
  const leaving = await pods.start('leaving');
  const heard = await join(leaving, bob, room);
  await leaving.stop();
  expect(heard.ended).toEqual(['moved']);
  expect(await pods.sql('SELECT 1 FROM participants WHERE room = $1', [room])).toEqual([]);
});

test('thousands join one room, and one post reaches all of them', async () => {
  const count = 4_000;
  const room = await pods.room('crowd', [alice.name], { privacy: 'open' });
  let reached = 0;
  const listener = {
    onEvents: (events: readonly ChatEvent[]) => {
      if (events.some(({ kind }) => kind === 'post')) reached += 1;
    },
    onEnded() {},
  };
  const joined = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      (n % 2 ? one : two).sessions.join(caller(`crowd${n}`), room, listener),
    ),
  );
  expect(joined.filter(({ roster }) => roster === undefined).length).toBeGreaterThan(count / 2);
  await one.messages.post(alice, room, saying('to all'));
  await eventually(() => expect(reached).toBe(count));
  await Promise.all(joined.map((each) => each.part()));
  expect(await pods.sql('SELECT count(*)::int AS people FROM participants WHERE room = $1', [room])).toEqual([
    { people: 0 },
  ]);
});
