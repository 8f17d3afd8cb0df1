import { FlowEvent } from '@linchpin/proto/relay/v1/relay';
import { newBranch, newCallId, newTag, parseMessage, SipRequest, SipResponse } from '@linchpin/sip';
import { type Caller, callAs, LAB_DOMAIN, type Neighbour, startNeighbour } from '@linchpin/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answer401, type Phone } from './phone.ts';
import { type Pool, startPool } from './pool.ts';

const [A, B, C] = ['frontend-0', 'frontend-1', 'frontend-2'] as const;
const uriOf = (user: string): string => `sip:${user}@${LAB_DOMAIN}`;
const codeOf = (response: SipResponse): string | undefined => response.get('ms-diagnostics')?.split(';')[0];

let pool: Pool;
beforeEach(async () => {
  pool = await startPool({
    pods: [A, B, C],
    users: { alice: A, bob: B, carol: C },
    config: { registrar: { graceSeconds: 0.2 } },
  });
});
afterEach(() => pool?.close());

/** What the callee's phone gets, and the caller's final response. */
async function message(from: Phone, to: Phone, text = 'hi') {
  const user = to.aor.slice(4, to.aor.indexOf('@'));
  const asked = from.ask('MESSAGE', uriOf(user), { body: text });
  const got = await to.next('MESSAGE');
  to.answer(got, 200);
  return { got, response: await asked };
}

describe.each(['udp', 'tcp', 'tls'] as const)(
  'a client over %s, at a pod that does not serve its user',
  (transport) => {
    test('signs in, and sends and gets messages', async () => {
      const bob = await pool.phone('bob', A, { transport });
      const alice = await pool.phone('alice', C);
      const accepted = await bob.register();
      expect([accepted.status, accepted.contacts[0]?.uri]).toEqual([200, bob.contact]);
      expect(await pool.requests(B, 'REGISTER')).toBe(1);
      await alice.register();
      expect((await message(alice, bob)).response.status).toBe(200);
      const { got, response } = await message(bob, alice);
      expect(response.status).toBe(200);
      expect(got.get('p-asserted-identity')).toBe(`<${bob.aor}>`);
    });

    test('answers to the pod that asked, by way of the one it came to', async () => {
      const bob = await pool.phone('bob', A, { transport });
      await bob.register();
      const { got } = await message(await pool.phone('carol', B), bob);
      const { port } = pool.server(A, transport);
      expect(got.via).toMatchObject({ transport: transport.toUpperCase(), host: `${B}.${LAB_DOMAIN}`, port });
      expect(got.via.params.has('rport')).toBe(true);
    });
  },
);

const routeTo = (route: string): [string, string] => ['Route', route];

describe('a call', () => {
  async function ringing(): Promise<{ alice: Phone; bob: Phone; invite: SipRequest; got: SipRequest }> {
    const alice = await pool.phone('alice', C);
    const bob = await pool.phone('bob', A);
    await bob.register();
    const headers: [string, string][] = [['Contact', `<${alice.contact}>`]];
    const kept = { callId: newCallId(), fromTag: newTag(), headers };
    void alice.ask('INVITE', uriOf('bob'), kept).catch(() => {});
    const got = await bob.next('INVITE');
    const invite = alice.build('INVITE', uriOf('bob'), kept);
    return { alice, bob, invite, got };
  }

  /** The caller's. */
  const inDialog = (phone: Phone, method: string, ok: SipResponse, cseq: number): SipRequest =>
    phone.build(method, ok.contacts[0]?.uri ?? '', {
      callId: ok.callId,
      fromTag: ok.from.tag ?? '',
      from: ok.from.uri,
      to: ok.to.uri,
      toTag: ok.to.tag ?? '',
      cseq,
      headers: ok.values('record-route').reverse().map(routeTo),
    });

  test('is set up, confirmed and ended across three pods', async () => {
    const { alice, bob, got } = await ringing();
    bob.answer(got, 200, [
      ['Contact', `<${bob.contact}>`],
      ...got.getAll('record-route').map((route): [string, string] => ['Record-Route', route]),
    ]);
    const ok = await alice.heard(200);
    alice.send(inDialog(alice, 'ACK', ok, ok.cseq.seq));
    expect((await bob.next('ACK')).callId).toBe(got.callId);
    // Over UDP and at another pod than where the call was made: the routes lead, and nobody is challenged.
    const ended = alice.exchange(inDialog(alice, 'BYE', ok, ok.cseq.seq + 1));
    bob.answer(await bob.next('BYE'), 200);
    expect((await ended).status).toBe(200);
  });

  test('goes on when the caller comes back over another connection, to another pod', async () => {
    const instance = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000000000001>"';
    const alice = await pool.phone('alice', C, { transport: 'tcp' });
    const bob = await pool.phone('bob', A);
    await bob.register();
    const headers: [string, string][] = [['Contact', `<${alice.contact}>${instance}`]];
    void alice.ask('INVITE', uriOf('bob'), { headers }).catch(() => {});
    const got = await bob.next('INVITE');
    const tag = newTag();
    bob.answer(got, 200, [['Contact', `<${bob.contact}>`]], tag);
    await alice.heard(200);
    await alice.close();
    const again = await pool.phone('alice', B, { transport: 'tcp' });
    const contact: [string, string] = ['Contact', `<${again.contact}>${instance}`];
    expect((await again.ask('REGISTER', `sip:${LAB_DOMAIN}`, { headers: [contact] })).status).toBe(200);
    const bye = bob.build('BYE', alice.contact, {
      callId: got.callId,
      fromTag: tag,
      to: alice.aor,
      toTag: got.from.tag ?? '',
      headers: got.values('record-route').map(routeTo),
    });
    const ended = bob.exchange(bye);
    again.answer(await again.next('BYE'), 200);
    expect((await ended).status).toBe(200);
  });

  test('is cancelled', async () => {
    const { alice, bob, got } = await ringing();
    const tag = newTag();
    bob.answer(got, 180, [], tag);
    const sent = await alice.heard(180);
    const cancel = SipRequest.create('CANCEL', uriOf('bob'), [
      ['Via', sent.via.toString().replace(/;(received|rport)=[^;]*/g, '')],
      ['Max-Forwards', '70'],
      ['From', sent.get('from') ?? ''],
      ['To', `<${uriOf('bob')}>`],
      ['Call-ID', sent.callId],
      ['CSeq', `${sent.cseq.seq} CANCEL`],
    ]);
    expect((await alice.exchange(cancel)).status).toBe(200);
    const reached = await bob.next('CANCEL');
    bob.answer(reached, 200, [], tag);
    bob.answer(got, 487, [], tag);
    const refused = await alice.heard(487);
    const ack = SipRequest.create('ACK', uriOf('bob'), [
      ['Via', cancel.get('via') ?? ''],
      ['Max-Forwards', '70'],
      ['From', sent.get('from') ?? ''],
      ['To', refused.get('to') ?? ''],
      ['Call-ID', sent.callId],
      ['CSeq', `${sent.cseq.seq} ACK`],
    ]);
    alice.send(ack);
    await expect.poll(() => pool.requests(B, 'INVITE')).toBe(1);
  });
});

describe('presence', () => {
  test('is watched, told and refreshed across pods', async () => {
    const alice = await pool.phone('alice', C);
    const bob = await pool.phone('bob', A, { transport: 'tcp' });
    const dialog = { callId: newCallId(), fromTag: newTag() };
    const headers: [string, string][] = [
      ['Event', 'presence'],
      ['Contact', `<${alice.contact}>`],
    ];
    const told = async () => {
      const notify = await alice.next('NOTIFY');
      alice.answer(notify, 200);
      return Buffer.from(notify.body).toString();
    };
    const accepted = await alice.ask('SUBSCRIBE', uriOf('bob'), { ...dialog, headers });
    expect(accepted.status).toBe(200);
    expect(await told()).toContain('<basic>closed</basic>');
    await bob.register();
    expect(await told()).toContain('<basic>open</basic>');
    const target = accepted.contacts[0]?.uri ?? '';
    const { port } = pool.server(C);
    expect(target).toBe(`sip:127.0.0.1:${port};transport=udp`);
    const refresh = { ...dialog, to: uriOf('bob'), toTag: accepted.to.tag ?? '', headers };
    const refreshed = await alice.ask('SUBSCRIBE', target, refresh);
    expect(refreshed.status).toBe(200);
    await told();
    await bob.close();
    expect(await told()).toContain('<basic>closed</basic>');
  });
});

describe('a request that is relayed', () => {
  test('is asked for a password where it lands, and the pod behind hears of it once it is proven', async () => {
    const alice = await pool.phone('alice', C);
    expect((await alice.exchange(alice.build('MESSAGE', uriOf('bob')))).status).toBe(407);
    const mallory = await pool.phone('carol', C);
    const spoofed = await mallory.ask('MESSAGE', uriOf('bob'), { from: alice.aor, username: 'carol' });
    expect([spoofed.status, spoofed.get('ms-diagnostics')]).toEqual([
      403,
      expect.stringContaining(`source="${C}"`),
    ]);
    expect(await pool.requests(B, 'MESSAGE')).toBe(0);
    expect(codeOf(await alice.ask('MESSAGE', uriOf('bob')))).toBe('1062');
    expect(await pool.requests(B, 'MESSAGE')).toBe(1);
  });

  test('on a connection speaks for nobody but who has signed in there', async () => {
    const carol = await pool.phone('carol', A, { transport: 'tcp' });
    await carol.register();
    expect((await carol.exchange(carol.build('MESSAGE', uriOf('bob')))).status).toBe(480);
    expect(
      (await carol.exchange(carol.build('MESSAGE', uriOf('bob'), { from: uriOf('alice') }))).status,
    ).toBe(407);
  });

  test('is served once, though its copies come again over UDP', async () => {
    const alice = await pool.phone('alice', C);
    const first = await alice.exchange(alice.build('MESSAGE', uriOf('bob')));
    const answered = alice.build('MESSAGE', uriOf('bob'), {
      callId: first.callId,
      headers: [answer401(first, 'MESSAGE', uriOf('bob'), { username: 'alice', password: 'pw-alice' })],
    });
    const once = await alice.exchange(answered);
    const again = await alice.copy(answered, 1);
    expect([once.status, again.toString()]).toEqual([480, once.toString()]);
    expect(await pool.requests(B, 'MESSAGE')).toBe(1);
  });

  test('finds its user who has moved on', async () => {
    pool.believes(A, 'bob', C);
    pool.move('bob', B);
    const bob = await pool.phone('bob', A);
    expect((await bob.register()).status).toBe(200);
    expect([await pool.requests(C, 'REGISTER'), await pool.requests(B, 'REGISTER')]).toEqual([1, 1]);
    expect((await message(await pool.phone('alice', B), bob)).response.status).toBe(200);
  });

  test('ends with 503 when each pod believes in another', async () => {
    pool.believes(A, 'bob', B);
    pool.believes(B, 'bob', C);
    pool.believes(C, 'bob', B);
    const refused = await (await pool.phone('bob', A)).register();
    expect([refused.status, codeOf(refused)]).toEqual([503, '1084']);
    expect(Number(refused.get('retry-after'))).toBeGreaterThan(0);
  });

  test('may come back to where its connection is', async () => {
    pool.believes(B, 'bob', '');
    const bob = await pool.phone('bob', A);
    const asked = bob.register();
    await expect.poll(() => metricOf(B, 'linchpin_frontend_held')).toBe(1);
    pool.believes(A, 'bob', A);
    pool.believes(B, 'bob', A);
    expect((await asked).status).toBe(200);
    const alice = await pool.phone('alice', A);
    expect((await message(alice, bob)).response.status).toBe(200);
  });
});

describe('a request for a user whom nobody serves', () => {
  const held = (pod: string) => metricOf(pod, 'linchpin_frontend_held');

  test.each([
    ['here', A],
    ['at another pod', B],
  ])('waits until somebody does: %s', async (_, owner) => {
    pool.move('bob', '');
    const bob = await pool.phone('bob', A);
    const asked = bob.register();
    await expect.poll(() => held(A)).toBe(1);
    pool.move('bob', owner);
    expect((await asked).status).toBe(200);
    expect(await held(A)).toBe(0);
  });
});

describe('a connection', () => {
  const outcome = async () => {
    const alice = await pool.phone('alice', C);
    return () => alice.ask('MESSAGE', uriOf('bob')).then(codeOf);
  };

  test('that is closed where it ended ends its binding where its user is served', async () => {
    const bob = await pool.phone('bob', A, { transport: 'tcp' });
    await bob.register();
    const ask = await outcome();
    await bob.close();
    await expect.poll(ask).toBe('1062');
  });

  test('ends with its pod', async () => {
    const bob = await pool.phone('bob', A, { transport: 'tcp' });
    await bob.register();
    const ask = await outcome();
    await pool.lose(A);
    await expect.poll(ask).toBe('1062');
  });
});

describe('a client at an Edge, whose Director knows no better', () => {
  const FLOW = 'edge-0/t1.1';
  let edge: Neighbour;
  let director: Caller;
  const callers: Caller[] = [];

  async function directorTo(pod: string): Promise<Caller> {
    const address = `127.0.0.1:${pool.pods.get(pod)?.rpc.port}`;
    const caller = callAs('director-0', await pool.lab.mtls('director'), 'frontend', address);
    callers.push(caller);
    await caller.up;
    return caller;
  }

  beforeEach(async () => {
    const mtls = await pool.lab.mtls('edge');
    const answer = (request: SipRequest) => SipResponse.to(request, 200);
    edge = await startNeighbour({ role: 'edge', pod: 'edge-0', mtls, allow: ['frontend'], answer });
    await pool.setEdges({ 'edge-0': edge.address });
    await expect.poll(() => edge.callers.size, { timeout: 10_000 }).toBe(3);
    director = await directorTo(A);
  });
  afterEach(async () => {
    for (const caller of callers.splice(0)) caller.close();
    await edge?.stop();
  });

  async function signIn(): Promise<SipResponse> {
    const register = SipRequest.create('REGISTER', `sip:${LAB_DOMAIN}`, [
      ['Via', `SIP/2.0/TLS 192.0.2.1:40000;branch=${newBranch()};rport=40000;received=192.0.2.1`],
      ['Max-Forwards', '70'],
      ['From', `<${uriOf('bob')}>;tag=${newTag()}`],
      ['To', `<${uriOf('bob')}>`],
      ['Call-ID', newCallId()],
      ['CSeq', '1 REGISTER'],
      ['Contact', '<sip:bob@192.0.2.1:40000;transport=tls>'],
    ]);
    director.send({ message: register.toBuffer(), flow: FLOW, identity: uriOf('bob'), sentBy: 'edge:5061' });
    const { message } = await edge.next((frame) => frame.message.includes(register.callId));
    return parseMessage(message) as SipResponse;
  }

  test('is answered by the pod that serves it, and that pod hears of its end', async () => {
    const response = await signIn();
    expect([response.status, await pool.requests(B, 'REGISTER')]).toEqual([200, 1]);
    const alice = await pool.phone('alice', C);
    expect((await alice.ask('MESSAGE', uriOf('bob'))).status).toBe(200);
    director.send({ flow: FLOW, event: FlowEvent.CLOSED, identity: uriOf('bob') });
    await expect.poll(async () => codeOf(await alice.ask('MESSAGE', uriOf('bob')))).toBe('1062');
  });

  const facts = { flow: FLOW, identity: uriOf('alice'), sentBy: 'edge:5061' };

  function build(method: string, branch: string, callId: string): SipRequest {
    return SipRequest.create(method, uriOf('bob'), [
      ['Via', `SIP/2.0/TLS 192.0.2.1:40000;branch=${branch};rport=40000;received=192.0.2.1`],
      ['Max-Forwards', '70'],
      ['From', `<${uriOf('alice')}>;tag=a`],
      ['To', `<${uriOf('bob')}>`],
      ['Call-ID', callId],
      ['CSeq', `1 ${method}`],
      ['Contact', '<sip:alice@192.0.2.1:40000;transport=tls>'],
    ]);
  }

  /** What the client is told in a call, as `<status> <method>`. */
  const heard = (callId: string): string[] =>
    edge.asked
      .filter(({ message }) => message.includes(callId))
      .map(({ message }) => parseMessage(message) as SipResponse)
      .map(({ status, cseq }) => `${status} ${cseq.method}`);

  test('cancels its call though another Front End serves who is called by then', async () => {
    const [atB, atC] = [await directorTo(B), await directorTo(C)];
    const bob = await pool.phone('bob', B);
    await bob.register();
    const [branch, callId] = [newBranch(), newCallId()];
    atB.send({ ...facts, message: build('INVITE', branch, callId).toBuffer() });
    const got = await bob.next('INVITE');
    const tag = newTag();
    bob.answer(got, 180, [], tag);
    await expect.poll(() => heard(callId)).toContain('180 INVITE');
    pool.move('bob', C);
    atC.send({ ...facts, message: build('CANCEL', branch, callId).toBuffer() });
    bob.answer(await bob.next('CANCEL'), 200, [], tag);
    bob.answer(got, 487, [], tag);
    await expect.poll(() => heard(callId)).toContain('487 INVITE');
    // Whoever was asked for the INVITE may go now: it had it.
    await pool.lose(B);
    const unknown = newCallId();
    atC.send({ ...facts, message: build('CANCEL', newBranch(), unknown).toBuffer() });
    await expect.poll(() => heard(unknown)).toEqual(['481 CANCEL']);
    expect(heard(callId).filter((what) => what.endsWith('CANCEL'))).toEqual(['200 CANCEL']);
  });

  test('that cancels too late is told so by the pod that had the call', async () => {
    pool.move('bob', B);
    const bob = await pool.phone('bob', B);
    await bob.register();
    const [branch, callId] = [newBranch(), newCallId()];
    director.send({ ...facts, message: build('INVITE', branch, callId).toBuffer() });
    bob.answer(await bob.next('INVITE'), 486, [], newTag());
    await expect.poll(() => heard(callId)).toContain('486 INVITE');
    director.send({ ...facts, message: build('ACK', branch, callId).toBuffer() });
    director.send({ ...facts, message: build('CANCEL', branch, callId).toBuffer() });
    await expect.poll(() => heard(callId)).toContain('481 CANCEL');
  });

  test('that cancels what no Front End knows is told so once', async () => {
    const callId = newCallId();
    director.send({ ...facts, message: build('CANCEL', newBranch(), callId).toBuffer() });
    await expect.poll(() => heard(callId)).toEqual(['481 CANCEL']);
    expect((await signIn()).status).toBe(200);
    expect(heard(callId)).toHaveLength(1);
  });
});

test('what another Front End may have answered on a stream that has ended is asked once more', async () => {
  pool.move('alice', C);
  const alice = await pool.phone('alice', A, { transport: 'tcp' });
  await alice.register();
  const bob = await pool.phone('bob', A, { transport: 'tcp' });
  await bob.register();
  const address = `127.0.0.1:${pool.pods.get(A)?.rpc.port}`;
  const other = callAs('frontend-9', await pool.lab.mtls('frontend', 'frontend-9'), 'frontend', address);
  await other.up;
  const relayed = () => metricOf(A, 'linchpin_frontend_requests_relayed_total');
  const asked = bob.ask('MESSAGE', uriOf('alice'));
  const got = await alice.next('MESSAGE');
  const before = await relayed();
  other.close();
  await expect.poll(relayed, { timeout: 15_000 }).toBe(before + 1);
  alice.answer(got, 200);
  expect((await asked).status).toBe(200);
  expect(alice.requests.filter(({ method }) => method === 'MESSAGE')).toHaveLength(1);
});

test('who came over UDP to a pod that is gone is reached from the one that serves', async () => {
  const bob = await pool.phone('bob', A);
  await bob.register();
  await pool.lose(A);
  const alice = await pool.phone('alice', C);
  void alice.ask('MESSAGE', uriOf('bob')).catch(() => {});
  expect((await bob.next('MESSAGE')).via.port).toBe(pool.server(B).port);
});

const metricOf = async (pod: string, name: string): Promise<number> =>
  (await pool.pods.get(pod)?.host.metrics.getSingleMetric(name)?.get())?.values[0]?.value ?? 0;
