import { newCallId, newTag, type SipRequest, type SipResponse } from '@linchpin/sip';
import { LAB_DOMAIN, userDocuments } from '@linchpin/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type FrontEnd, startFrontEnd } from './front-end.ts';
import type { Phone } from './phone.ts';

const uriOf = (user: string): string => `sip:${user}@${LAB_DOMAIN}`;
let frontEnd: FrontEnd;

beforeAll(async () => {
  frontEnd = await startFrontEnd({
    users: ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'gina', 'hans'],
  });
});
afterAll(() => frontEnd?.close());

let present: Phone[] = [];
afterEach(async () => {
  const open = present.filter(({ flow }) => !flow.closed);
  await Promise.all(open.map((phone) => phone.register({ expires: 0 })));
  present = [];
});

async function signedIn(user: string, transport: 'udp' | 'tcp' = 'tcp'): Promise<Phone> {
  const phone = await frontEnd.phone(user, { transport });
  expect((await phone.register()).status).toBe(200);
  present.push(phone);
  return phone;
}

const code = (response: SipResponse) => response.get('ms-diagnostics')?.split(';')[0];

describe('MESSAGE', () => {
  test('reaches every endpoint of the recipient with its body untouched', async () => {
    const alice = await signedIn('alice', 'udp');
    const [desk, mobile] = [await signedIn('bob'), await signedIn('bob', 'udp')];
    const body = 'h\u00e9llo\u0000\r\n\u{1F600}';
    const sent = alice.ask('MESSAGE', uriOf('bob'), { headers: [['Content-Type', 'text/plain']], body });
    const [atDesk, atMobile] = await Promise.all([desk.next('MESSAGE'), mobile.next('MESSAGE')]);
    for (const received of [atDesk, atMobile]) {
      expect(Buffer.from(received.body)).toEqual(Buffer.from(body));
      expect(received.get('p-asserted-identity')).toBe(`<${alice.aor}>`);
      expect(received.has('proxy-authorization')).toBe(false);
    }
    desk.answer(atDesk, 200);
    mobile.answer(atMobile, 200);
    expect((await sent).status).toBe(200);
  });

  test('passes what the recipient answers, and its composing state and receipts', async () => {
    const [alice, carol] = [await signedIn('alice'), await signedIn('carol')];
    const exchange = async (type: string, body: string, status: number) => {
      const sent = alice.ask('MESSAGE', uriOf('carol'), { headers: [['Content-Type', type]], body });
      const received = await carol.next('MESSAGE');
      expect([received.contentType, Buffer.from(received.body).toString()]).toEqual([type, body]);
      carol.answer(received, status);
      return (await sent).status;
    };
    const composing =
      '<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>active</state></isComposing>';
    expect(await exchange('application/im-iscomposing+xml', composing, 200)).toBe(200);
    expect(await exchange('message/imdn+xml', '<imdn/>', 415)).toBe(415);
    expect(await exchange('message/cpim', 'From: <sip:alice@contoso.lab>\r\n\r\nhi', 202)).toBe(202);
  });

  test('or what nobody has heard of yet is passed on alike (RFC 3261 16.3)', async () => {
    const [alice, carol] = [await signedIn('alice'), await signedIn('carol')];
    const sent = alice.ask('FROB', uriOf('carol'), { body: 'x' });
    carol.answer(await carol.next('FROB'), 202);
    expect((await sent).status).toBe(202);
  });

  test('to nobody says why', async () => {
    const alice = await signedIn('alice');
    const refusals = await Promise.all(
      [uriOf('dave'), uriOf('nobody'), 'sip:bob@elsewhere.example', `sip:${LAB_DOMAIN}`].map((uri) =>
        alice.ask('MESSAGE', uri, { to: alice.aor }),
      ),
    );
    expect(refusals.map((response) => [response.status, code(response)])).toEqual([
      [480, '1062'],
      [404, '1061'],
      [403, '1060'],
      [404, '1065'],
    ]);
  });

  test('from who is blocked finds nobody, as if the user was away', async () => {
    const [alice, carol] = [await signedIn('alice'), await signedIn('carol')];
    const blocking = (id: number) =>
      frontEnd.publish(
        userDocuments({
          name: 'carol',
          password: 'pw-carol',
          spec: { containers: [{ id, members: [alice.aor] }] },
        }),
      );
    await blocking(32_000);
    const refused = await alice.ask('MESSAGE', uriOf('carol'));
    expect([refused.status, refused.reason, code(refused)]).toEqual([480, 'Not signed in', '1062']);
    await blocking(400);
    const sent = alice.ask('MESSAGE', uriOf('carol'));
    carol.answer(await carol.next('MESSAGE'), 200);
    expect((await sent).status).toBe(200);
  });

  test('does not go to other servers, whatever Route says', async () => {
    const alice = await signedIn('alice');
    const routed = (...routes: string[]) =>
      alice.ask('MESSAGE', uriOf('nobody'), {
        headers: routes.map((route): [string, string] => ['Route', route]),
      });
    const own = `<sip:127.0.0.1:${frontEnd.server('tcp').port};transport=tcp;lr>`;
    expect((await routed(own)).status).toBe(404);
    expect((await routed(`<sip:sip.${LAB_DOMAIN};lr>`)).status).toBe(404);
    expect((await routed('<sip:balancer.example;lr>')).status).toBe(404);
    const stray = await routed(own, '<sip:victim.example;lr>');
    expect([stray.status, code(stray)]).toEqual([403, '1008']);
  });
});

interface Call {
  caller: Phone;
  callee: Phone;
  invite: SipRequest;
  atCallee: SipRequest;
  ok: SipResponse;
  calleeTag: string;
}

const routesOf = (values: string[]): [string, string][] => values.map((value) => ['Route', value]);

/** INVITE, 180, 200, ACK, all by way of the Front End. */
async function call(caller: Phone, callee: Phone, user: string): Promise<Call> {
  const asking = {
    callId: newCallId(),
    fromTag: newTag(),
    headers: [['Contact', `<${caller.contact}>`]] as [string, string][],
  };
  const answered = caller.ask('INVITE', uriOf(user), asking);
  const atCallee = await callee.next('INVITE');
  const calleeTag = newTag();
  callee.answer(atCallee, 180, [], calleeTag);
  await caller.heard(180);
  callee.answer(atCallee, 200, [['Contact', `<${callee.contact}>`]], calleeTag);
  const ok = await answered;
  expect(ok.status).toBe(200);
  const ack = inDialog({ caller, callee, invite: atCallee, atCallee, ok, calleeTag }, 'ACK', 'caller');
  caller.send(ack);
  await callee.next('ACK');
  return { caller, callee, invite: ack, atCallee, ok, calleeTag };
}

/** A request within the call, as the side that sends it knows the dialog (RFC 3261 12.2.1.1). */
function inDialog(
  { caller, callee, atCallee, ok, calleeTag }: Call,
  method: string,
  by: 'caller' | 'callee',
) {
  const callId = atCallee.callId;
  const callerTag = atCallee.from.tag ?? '';
  const recordRoutes = atCallee.values('record-route');
  if (by === 'caller')
    return caller.build(method, ok.contacts[0]?.uri ?? '', {
      to: atCallee.to.uri,
      toTag: calleeTag,
      fromTag: callerTag,
      callId,
      headers: routesOf([...ok.values('record-route')].reverse()),
      ...(method === 'ACK' && { cseq: ok.cseq.seq }),
    });
  return callee.build(method, atCallee.contacts[0]?.uri ?? '', {
    from: atCallee.to.uri,
    to: atCallee.from.uri,
    fromTag: calleeTag,
    toTag: callerTag,
    callId,
    headers: routesOf(recordRoutes),
  });
}

describe('a call', () => {
  test('between two transports comes back through the Front End in both directions, without a challenge', async () => {
    const [alice, bob] = [await signedIn('alice', 'udp'), await signedIn('bob', 'tcp')];
    const talk = await call(alice, bob, 'bob');
    expect(talk.atCallee.values('record-route')).toHaveLength(2);
    const hold = inDialog(talk, 'UPDATE', 'callee');
    const held = bob.exchange(hold);
    const atAlice = await alice.next('UPDATE');
    expect(atAlice.uri).toBe(alice.contact);
    expect(atAlice.has('route')).toBe(false);
    alice.answer(atAlice, 200);
    expect((await held).status).toBe(200);
    const bye = inDialog(talk, 'BYE', 'caller');
    const ended = alice.exchange(bye);
    bob.answer(await bob.next('BYE'), 200);
    expect((await ended).status).toBe(200);
  });

  test('rings everywhere, and stops where it was not answered', async () => {
    const alice = await signedIn('alice');
    const [desk, mobile] = [await signedIn('erin'), await signedIn('erin', 'udp')];
    const answered = alice.ask('INVITE', uriOf('erin'), { headers: [['Contact', `<${alice.contact}>`]] });
    const [atDesk, atMobile] = await Promise.all([desk.next('INVITE'), mobile.next('INVITE')]);
    desk.answer(atDesk, 180);
    mobile.answer(atMobile, 180, [], 'mobile');
    await alice.heard(180);
    desk.answer(atDesk, 200, [['Contact', `<${desk.contact}>`]]);
    expect((await answered).status).toBe(200);
    const cancel = await mobile.next('CANCEL');
    mobile.answer(cancel, 200);
    mobile.answer(atMobile, 487, [], 'mobile');
    await mobile.next('ACK');
  });

  test('is cancelled by the caller at all endpoints', async () => {
    const [alice, frank] = [await signedIn('alice'), await signedIn('frank')];
    const invite = alice.build('INVITE', uriOf('frank'), { headers: [['Contact', `<${alice.contact}>`]] });
    const ended = alice.exchange(invite);
    const atFrank = await frank.next('INVITE');
    frank.answer(atFrank, 180, [], 'frank');
    await alice.heard(180, invite.via.branch);
    const cancel = invite.clone();
    cancel.method = 'CANCEL';
    cancel.set('cseq', `${invite.cseq.seq} CANCEL`);
    alice.send(cancel);
    frank.answer(await frank.next('CANCEL'), 200);
    frank.answer(atFrank, 487, [], 'frank');
    expect((await ended).status).toBe(487);
  });

  test('goes on when one side has come back over another connection', async () => {
    const alice = await signedIn('alice', 'udp');
    const device = ';+sip.instance="<urn:uuid:7f2b>"';
    const register = (phone: Phone) =>
      phone.ask('REGISTER', `sip:${LAB_DOMAIN}`, { headers: [['Contact', `<${phone.contact}>${device}`]] });
    const before = await frontEnd.phone('gina', { transport: 'tcp' });
    await register(before);
    const talk = await call(alice, before, 'gina');
    await before.close();
    const after = await frontEnd.phone('gina', { transport: 'tcp' });
    await register(after);
    const ended = alice.exchange(inDialog(talk, 'BYE', 'caller'));
    after.answer(await after.next('BYE'), 200);
    expect((await ended).status).toBe(200);
  });

  test('whose other end is gone is said to be gone', async () => {
    const [alice, hans] = [await signedIn('alice', 'udp'), await signedIn('hans', 'tcp')];
    const talk = await call(alice, hans, 'hans');
    await hans.register({ expires: 0 });
    await hans.close();
    alice.send(inDialog(talk, 'ACK', 'caller'));
    await expect.poll(async () => code(await alice.exchange(inDialog(talk, 'INFO', 'caller')))).toBe('1063');
  });

  test('cannot be joined or led elsewhere with the route of another', async () => {
    const [alice, bob] = [await signedIn('alice', 'udp'), await signedIn('bob', 'tcp')];
    const talk = await call(alice, bob, 'bob');
    const foreign = inDialog(talk, 'BYE', 'caller');
    foreign.set('call-id', newCallId());
    const refused = await alice.exchange(foreign);
    expect([refused.status, code(refused)]).toEqual([403, '1008']);
    const mallory = await frontEnd.phone('alice');
    const spoofed = inDialog({ ...talk, caller: mallory }, 'BYE', 'caller');
    expect((await mallory.exchange(spoofed)).status).toBe(407);
    const tampered = inDialog(talk, 'BYE', 'caller');
    tampered.set('route', tampered.values('route').join(', ').replace(/sip:./g, 'sip:X'));
    expect([403, 481]).toContain((await alice.exchange(tampered)).status);
    const none = alice.build('BYE', bob.contact, { toTag: talk.calleeTag });
    expect((await alice.exchange(none)).status).toBe(407);
  });
});
