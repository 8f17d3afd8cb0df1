// Rooms of Persistent Chat as clients see them: the real Front Ends, and pods of Persistent Chat that are not there.
import type { Frame } from '@linchpin/proto/relay/v1/relay';
import { newBranch, newCallId, newTag, parseMessage, SipRequest, SipResponse } from '@linchpin/sip';
import {
  type Caller,
  callAs,
  LAB_DOMAIN,
  type Neighbour,
  startNeighbour,
  userDocuments,
} from '@linchpin/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Pool, startPool } from './pool.ts';

const [A, B] = ['frontend-0', 'frontend-1'] as const;
const [CHAT, OTHER] = ['persistent-chat-0', 'persistent-chat-1'] as const;
const ROOM = `sip:room-sales@${LAB_DOMAIN}`;
const codeOf = (response: SipResponse): string | undefined => response.get('ms-diagnostics')?.split(';')[0];

let pool: Pool;
const chats: Neighbour[] = [];
const callers: Caller[] = [];

beforeEach(async () => {
  pool = await startPool({ pods: [A, B], users: { alice: A, bob: B } });
});
afterEach(async () => {
  for (const caller of callers.splice(0)) caller.close();
  await Promise.all(chats.splice(0).map((chat) => chat.stop()));
  await pool?.close();
});

type Answer = (request: SipRequest, frame: Frame) => SipResponse | undefined;

/** A pod of Persistent Chat to which both Front Ends have a stream. */
async function startChat(pod: string, answer: Answer = (request) => SipResponse.to(request, 202)) {
  const { lab } = pool;
  const mtls = await lab.mtls('persistent-chat', pod);
  const chat = await startNeighbour({ role: 'persistent-chat', pod, mtls, allow: ['frontend'], answer });
  chats.push(chat);
  const announced = await lab.announce({ role: 'persistent-chat', pod, address: chat.address });
  await vi.waitFor(() => expect([...chat.callers.keys()].sort()).toEqual([A, B]), {
    timeout: 10_000,
    interval: 20,
  });
  return { chat, announced };
}

const requestIn = (frame: Frame): SipRequest => parseMessage(frame.message) as SipRequest;

describe('a request for a room', () => {
  test('comes to Persistent Chat with the sender that was proved, and its answer goes back', async () => {
    const { chat } = await startChat(CHAT);
    const alice = await pool.phone('alice', A);
    const response = await alice.ask('MESSAGE', ROOM, { body: 'good morning' });
    expect(response.status).toBe(202);
    expect(response.vias).toHaveLength(1);
    const [frame] = chat.asked as [Frame];
    expect(frame.identity).toBe(alice.aor);
    const request = requestIn(frame);
    expect([request.method, request.uri, Buffer.from(request.body).toString()]).toEqual([
      'MESSAGE',
      ROOM,
      'good morning',
    ]);
    expect(request.has('proxy-authorization')).toBe(false);
    expect(request.maxForwards).toBe(69);
  });

  test('is refused as Persistent Chat says, 503 too: it is no other server that says so', async () => {
    const headers: [string, string][] = [
      ['Retry-After', '7'],
      ['ms-diagnostics', '1127;reason="away"'],
    ];
    await startChat(CHAT, (request) => SipResponse.to(request, 503, 'The store is away', { headers }));
    const response = await (await pool.phone('bob', A)).ask('MESSAGE', ROOM, { body: 'hi' });
    expect([response.status, response.reason, response.get('retry-after'), codeOf(response)]).toEqual([
      503,
      'The store is away',
      '7',
      '1127',
    ]);
  });

  test.each(['INVITE', 'SUBSCRIBE', 'OPTIONS', 'PUBLISH', 'INFO'])('%s too', async (method) => {
    const { chat } = await startChat(CHAT, (request) => SipResponse.to(request, 488));
    const headers: [string, string][] = [
      ['Contact', `<sip:alice@127.0.0.1>`],
      ['Event', 'presence'],
    ];
    const response = await (await pool.phone('alice', A)).ask(method, ROOM, { headers });
    expect([response.status, requestIn(chat.asked[0] as Frame).method]).toEqual([488, method]);
  });

  test('needs a sender who proves to be it', async () => {
    const { chat } = await startChat(CHAT);
    const alice = await pool.phone('alice', A, { password: 'wrong' });
    expect((await alice.ask('MESSAGE', ROOM, { body: 'hi' })).status).toBe(403);
    expect(chat.asked).toHaveLength(0);
  });

  test('of a room that a user is called like is for that user', async () => {
    const { chat } = await startChat(CHAT);
    const version = await pool.lab.publisher.publish(
      userDocuments({ name: 'room-sales', password: 'pw-room-sales' }),
    );
    await vi.waitFor(
      () => {
        for (const { role } of pool.pods.values())
          expect(role.configVersion()).toBeGreaterThanOrEqual(version);
      },
      { timeout: 10_000 },
    );
    pool.move('room-sales', B);
    const phone = await pool.phone('room-sales', B);
    await phone.register();
    const asked = (await pool.phone('alice', A)).ask('MESSAGE', ROOM, { body: 'hi' });
    phone.answer(await phone.next('MESSAGE'), 200);
    expect((await asked).status).toBe(200);
    expect(chat.asked).toHaveLength(0);
  });

  test('has no other answer than any name that nobody has, where there is no Persistent Chat', async () => {
    const response = await (await pool.phone('alice', A)).ask('MESSAGE', ROOM, { body: 'hi' });
    expect([response.status, codeOf(response)]).toEqual([404, '1061']);
  });
});

describe('when a pod of Persistent Chat dies', () => {
  const send = async () => {
    const alice = await pool.phone('alice', A, { transport: 'tcp' });
    return { alice, answer: alice.ask('MESSAGE', ROOM, { body: 'only once' }) };
  };

  test('what it has not answered goes to another one, with the same Call-ID and CSeq', async () => {
    const silent = () => undefined;
    const [one, two] = [await startChat(CHAT, silent), await startChat(OTHER, silent)];
    const { answer } = await send();
    const [first, second] = await Promise.any(
      [
        [one, two],
        [two, one],
      ].map(async ([has, other]) => {
        await has?.chat.next();
        return [has, other] as [typeof one, typeof two];
      }),
    );
    await first.chat.stop();
    const frame = await second.chat.next();
    const [before, after] = [requestIn(first.chat.asked[0] as Frame), requestIn(frame)];
    expect([after.callId, after.get('cseq'), frame.identity]).toEqual([
      before.callId,
      before.get('cseq'),
      first.chat.asked[0]?.identity,
    ]);
    const accepted = SipResponse.to(after, 202).toBuffer();
    second.chat.send(A, { ...frame, message: accepted });
    expect((await answer).status).toBe(202);
  });

  test('and there is no other, the client is told to come again', async () => {
    const { chat } = await startChat(CHAT, () => undefined);
    const { answer } = await send();
    await chat.next();
    await chat.stop();
    const response = await answer;
    expect([response.status, codeOf(response)]).toEqual([503, '1085']);
    expect(Number(response.get('retry-after'))).toBeGreaterThan(0);
  });
});

describe('what a room says', () => {
  const flow = `${CHAT}/room/sales`;

  function say(to: string, from = ROOM): Buffer {
    return SipRequest.create(
      'MESSAGE',
      `sip:${to}@${LAB_DOMAIN}`,
      [
        ['Via', `SIP/2.0/TLS ${CHAT}.${LAB_DOMAIN};branch=${newBranch()}`],
        ['Max-Forwards', '70'],
        ['From', `"Sales" <${from}>;tag=${newTag()}`],
        ['To', `<sip:${to}@${LAB_DOMAIN}>`],
        ['Call-ID', newCallId()],
        ['CSeq', '1 MESSAGE'],
        ['Content-Type', 'text/plain'],
      ],
      Buffer.from('alice: good morning'),
    ).toBuffer();
  }

  async function call(role: string, pod: string, frontEnd: string): Promise<Caller> {
    const address = `127.0.0.1:${pool.pods.get(frontEnd)?.rpc.port}`;
    const caller = callAs(pod, await pool.lab.mtls(role, pod), role === '' ? '' : 'frontend', address);
    callers.push(caller);
    await caller.up;
    return caller;
  }

  test.each([A, B])('reaches a member by %s, wherever the member is served', async (frontEnd) => {
    const { chat } = await startChat(CHAT, () => undefined);
    const bob = await pool.phone('bob', A);
    await bob.register();
    const caller = await call('persistent-chat', CHAT, frontEnd);
    caller.send({ flow, identity: ROOM, message: say('bob') });
    const got = await bob.next('MESSAGE');
    expect([got.from.uri, got.get('p-asserted-identity'), Buffer.from(got.body).toString()]).toEqual([
      ROOM,
      `<${ROOM}>`,
      'alice: good morning',
    ]);
    bob.answer(got, 200);
    const answer = await chat.next((frame) => frame.flow === flow);
    expect((parseMessage(answer.message) as SipResponse).status).toBe(200);
  });

  test('to somebody who is not signed in is answered 480, to nobody 404', async () => {
    const { chat } = await startChat(CHAT, () => undefined);
    const caller = await call('persistent-chat', CHAT, A);
    for (const [who, status] of [
      ['bob', 480],
      ['nobody', 404],
    ] as const) {
      const to = `${flow}/${who}`;
      caller.send({ flow: to, identity: ROOM, message: say(who) });
      const answer = await chat.next((frame) => frame.flow === to);
      expect((parseMessage(answer.message) as SipResponse).status).toBe(status);
    }
  });

  test('is believed from Persistent Chat only, which speaks for no user', async () => {
    await startChat(CHAT, () => undefined);
    const bob = await pool.phone('bob', B);
    await bob.register();
    const director = await call('director', 'director-0', B);
    director.send({ flow: 'edge-0/x.1', identity: ROOM, message: say('bob') });
    const chat = await call('persistent-chat', CHAT, B);
    const alice = `sip:alice@${LAB_DOMAIN}`;
    chat.send({ flow, identity: alice, message: say('bob', alice) });
    chat.send({ flow, identity: ROOM, message: say('bob', alice) });
    chat.send({ flow, identity: '', message: say('bob') });
    director.send({ flow: 'edge-0/x.2', identity: alice, message: say('bob', alice) });
    // What may be said comes through, after all that may not.
    const got = await bob.next('MESSAGE');
    expect(got.from.uri).toBe(alice);
    expect(got.get('p-asserted-identity')).toBe(`<${alice}>`);
    chat.send({ flow, identity: ROOM, message: say('bob') });
    expect((await bob.next('MESSAGE')).from.uri).toBe(ROOM);
    expect(bob.requests.filter(({ method }) => method === 'MESSAGE')).toHaveLength(2);
  });

  test('cannot be said by a client that calls itself a room', async () => {
    await startChat(CHAT);
    const alice = await pool.phone('alice', A);
    const asked = await alice.ask('MESSAGE', `sip:bob@${LAB_DOMAIN}`, { from: ROOM, body: 'I am Sales' });
    expect(asked.status).toBe(403);
    const signedIn = await alice.ask('REGISTER', `sip:${LAB_DOMAIN}`, { from: ROOM, to: ROOM });
    expect(signedIn.status).toBe(403);
  });
});
