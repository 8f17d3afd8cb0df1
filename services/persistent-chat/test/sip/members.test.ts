// Who is told by SIP what is posted in a room: by one pod at a time, whatever becomes of pods, Front Ends and clients.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  address,
  createSipLab,
  type FakeFrontEnd,
  roomUri,
  type SipLab,
  type SipPod,
  type Told,
  waiting,
} from './harness.ts';

let lab: SipLab;
let sales: string;
const SALES = roomUri('sales');
const [ALICE, BOB] = [address('alice'), address('bob')];
/** By another surface. */
const say = (body: string): number => lab.fake.post(sales, ALICE, body);
const join = async (user: string, uri = SALES, pod?: string): Promise<void> => {
  const response = await lab.ask(user, uri, { body: '/join', ...(pod && { pod }) });
  expect(response.status).toBe(200);
};
/** The numbers of the posts that bob was told, in the order in which he was. */
const numbers = (): number[] => lab.told.filter(({ seq }) => seq > 0).map(({ seq }) => seq);
const tellers = async (): Promise<unknown[]> =>
  (await lab.sql("SELECT split_part(teller, '/', 1) AS teller FROM sip_members ORDER BY room, member")).map(
    ({ teller }) => teller,
  );

beforeEach(async () => {
  lab = await createSipLab();
  sales = await lab.room('Sales', 'alice', 'bob', 'carol');
});
afterEach(() => lab?.close());

describe('one pod', () => {
  let frontEnd: FakeFrontEnd;
  beforeEach(async () => {
    await lab.startPod('persistent-chat-0');
    frontEnd = await lab.startFrontEnd('frontend-0');
  });

  test('tells who has posted what others post, in the name of the room', async () => {
    await lab.ask('alice', SALES, { body: 'first' });
    await lab.ask('bob', SALES, { body: 'second' });
    const { request, seq } = await lab.heard('alice', 'Bob: second');
    expect([request.from.displayName, request.from.uri, request.to.uri, request.contentType]).toEqual([
      'Sales',
      SALES,
      `sip:${ALICE}`,
      'text/plain',
    ]);
    expect(request.get('linchpin-post')).toBe(`${sales}/${seq}`);
    expect(Math.abs(Date.parse(request.get('date') ?? '') - Date.now())).toBeLessThan(60_000);
    await lab.ask('alice', SALES, { body: 'third' });
    await lab.heard('bob', 'Alice: third');
    expect(lab.toldTo('alice')).toEqual(['Bob: second']);
    expect(lab.toldTo('bob')).toEqual(['Alice: third']);
    expect(lab.toldTo('carol')).toEqual([]);
  });

  test('tells titles, edits and files in words, and nothing of who comes and goes', async () => {
    await join('bob');
    lab.fake.emit(sales, { kind: 'join', by: ALICE });
    lab.fake.emit(sales, { kind: 'reaction', by: ALICE, post: 1, reaction: '+1', set: true });
    lab.fake.emit(sales, {
      kind: 'post',
      by: ALICE,
      subject: 'Plan',
      body: 'all of it',
      mentions: [],
      files: ['x', 'y'],
    });
    lab.fake.emit(sales, { kind: 'edit', by: ALICE, post: 3, body: 'most of it', before: { body: '' } });
    await lab.heard('bob', 'Alice (edited): most of it');
    expect(lab.toldTo('bob').slice(-2)).toEqual([
      'Alice: [Plan]\nall of it\n(2 files)',
      'Alice (edited): most of it',
    ]);
    expect(numbers()).toHaveLength(2);
  });

  test('tells one post after the other, as the client answers', async () => {
    await join('bob');
    await lab.heard('bob', /^You are in Sales/);
    lab.answers(() => undefined);
    for (const body of ['one', 'two', 'three']) say(body);
    await lab.heard('bob', 'Alice: one');
    expect(lab.toldTo('bob')).not.toContain('Alice: two');
    await frontEnd.stop();
    lab.answers(() => 200);
    await lab.startFrontEnd('frontend-1');
    await lab.heard('bob', 'Alice: three');
    // The first one again, as its answer was lost with the Front End: the client knows it by its Call-ID.
    expect(numbers()).toEqual([1, 1, 2, 3]);
    const ids = lab.told.filter(({ seq }) => seq === 1).map(({ request }) => request.callId);
    expect(new Set(ids).size).toBe(1);
  });

  test('goes on at once by another Front End when one dies with a post in hand', async () => {
    await join('bob');
    await lab.heard('bob', /^You are in Sales/);
    const second = await lab.startFrontEnd('frontend-1');
    lab.answers(() => undefined);
    say('not lost');
    await lab.heard('bob', 'Alice: not lost');
    lab.answers(() => 200);
    const has = frontEnd.asked.length > 1 ? frontEnd : second;
    await has.stop();
    await expect.poll(() => lab.fake.posts(sales).length && numbers().length, waiting).toBe(2);
    say('next');
    await lab.heard('bob', 'Alice: next');
  });

  test('comes back to who was not signed in, with all that was missed; meanwhile nobody sees it there', async () => {
    await join('bob');
    await lab.heard('bob', /^You are in Sales/);
    lab.answers(() => 480);
    say('one');
    await expect.poll(() => lab.fake.present(sales), waiting).toEqual([]);
    say('two');
    lab.answers(() => 200);
    await lab.heard('bob', 'Alice: two');
    await expect.poll(() => lab.fake.present(sales), waiting).toEqual([BOB]);
    const taken = numbers().filter((seq, at, all) => all.indexOf(seq) === at);
    expect(taken).toEqual([1, 2]);
    say('three');
    await lab.heard('bob', 'Alice: three');
  });

  test('passes over what a client refuses', async () => {
    await join('bob');
    await lab.heard('bob', /^You are in Sales/);
    lab.answers(({ text }) => (text.includes('too much') ? 413 : 200));
    for (const body of ['too much', 'enough']) say(body);
    await lab.heard('bob', 'Alice: enough');
    expect(numbers()).toEqual([1, 2]);
  });

  test('reads again what came too fast', async () => {
    await join('bob');
    await lab.heard('bob', /^You are in Sales/);
    lab.answers(() => undefined);
    for (let n = 1; n <= 50; n++) say(`${n}`);
    await lab.heard('bob', 'Alice: 1');
    lab.fake.lag(sales);
    lab.answers(() => 200);
    await frontEnd.stop();
    await lab.startFrontEnd('frontend-1');
    await lab.heard('bob', 'Alice: 50');
    expect(numbers()).toEqual([1, ...Array.from({ length: 50 }, (_, n) => n + 1)]);
  });

  test('tells who is taken out of a room, and nothing after that', async () => {
    await join('bob');
    await lab.heard('bob', /^You are in Sales/);
    lab.fake.remove(sales, BOB);
    say('secret');
    await lab.heard('bob', 'You are not in this room any more: removed');
    expect(await lab.sql('SELECT FROM sip_members')).toHaveLength(0);
    expect(lab.toldTo('bob').some((text) => text.includes('secret'))).toBe(false);
    expect((await lab.ask('bob', SALES, { body: '/join' })).status).toBe(403);
  });
});

describe('of several pods', () => {
  const pods: SipPod[] = [];
  const rooms: Record<string, string> = {};
  beforeEach(async () => {
    pods.length = 0;
    for (let n = 0; n < 3; n++) pods.push(await lab.startPod(`persistent-chat-${n}`));
    await lab.startFrontEnd('frontend-0');
    for (let n = 0; n < 6; n++) rooms[`Room ${n}`] = await lab.room(`Room ${n}`, 'alice', 'bob');
    for (let n = 0; n < 6; n++) await join('bob', roomUri(`room-${n}`), `persistent-chat-${n % 3}`);
    await expect.poll(tellers, waiting).not.toContain(null);
    await expect
      .poll(() => Object.values(rooms).every((room) => lab.fake.present(room).includes(BOB)), waiting)
      .toBe(true);
  });

  const sayAll = (body: string): void => {
    for (const room of Object.values(rooms)) lab.fake.post(room, ALICE, body);
  };
  const byPost = (): Map<string, Told[]> =>
    Map.groupBy(
      lab.told.filter(({ seq }) => seq > 0),
      ({ room, seq }) => `${room} ${seq}`,
    );
  const heardAll = (count: number) => expect.poll(() => byPost().size, waiting).toBe(6 * count);

  test('each room has one that tells, the one that its requests come to', async () => {
    sayAll('hello');
    await heardAll(1);
    expect(lab.told.filter(({ seq }) => seq > 0)).toHaveLength(6);
    expect(new Set(await tellers()).size).toBeGreaterThan(1);
  });

  test('what one says is known to the others: who leaves by any of them is told no more', async () => {
    for (let n = 0; n < 3; n++) {
      const response = await lab.ask('bob', roomUri('room-0'), {
        body: '/part',
        pod: `persistent-chat-${n}`,
      });
      expect(response.status).toBe(200);
    }
    const [room] = Object.values(rooms) as [string];
    await expect.poll(() => lab.fake.present(room), waiting).toEqual([]);
  });

  test('one that drains hands over, and nothing is lost or told twice', async () => {
    for (const pod of pods.slice(0, 2)) {
      sayAll(`before ${pod.name}`);
      await pod.drain();
      sayAll(`after ${pod.name}`);
    }
    await heardAll(4);
    await expect.poll(async () => new Set(await tellers()).size, waiting).toBe(1);
    sayAll('last');
    await heardAll(5);
    for (const [key, told] of byPost()) expect([key, told.length]).toEqual([key, 1]);
  });

  test('one that dies is replaced, and nothing is lost; what comes twice has the same Call-ID', async () => {
    const [first] = pods as [SipPod];
    sayAll('one');
    sayAll('two');
    await first.die();
    sayAll('three');
    await heardAll(3);
    expect(await tellers()).not.toContain(first.name);
    for (const told of byPost().values())
      expect(new Set(told.map(({ request }) => `${request.callId} ${request.from.tag}`)).size).toBe(1);
    // In each room in order.
    for (const name of Object.keys(rooms)) {
      const uri = roomUri(name.toLowerCase().replace(' ', '-'));
      const seqs = lab.told.filter(({ room, seq }) => room === uri && seq > 0).map(({ seq }) => seq);
      expect(seqs.filter((seq, at) => seqs.indexOf(seq) === at)).toEqual([1, 2, 3]);
    }
  });

  test('one that comes takes its share over, and nothing is told twice', async () => {
    sayAll('one');
    await lab.startPod('persistent-chat-3');
    await lab.startPod('persistent-chat-4');
    sayAll('two');
    await heardAll(2);
    for (const [key, told] of byPost()) expect([key, told.length]).toEqual([key, 1]);
  });

  test('where NATS is away, rows that nobody tells are found all the same', async () => {
    await lab.lab.stopNats();
    const response = await lab.ask('alice', roomUri('room-1'), { body: 'joined by posting' });
    expect(response.status).toBe(202);
    await lab.lab.startNats();
    await expect.poll(tellers, { ...waiting, timeout: 30_000 }).not.toContain(null);
    const seq = lab.fake.post(rooms['Room 1'] as string, BOB, 'for alice');
    expect((await lab.heard('alice', 'Bob: for alice')).seq).toBe(seq);
  });
});
