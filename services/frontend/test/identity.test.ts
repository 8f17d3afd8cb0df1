// Who a request or an answer is from is what the Front End has proved, whatever an endpoint writes into it (RFC 3325).

import { newTag } from '@linchpin/sip';
import { LAB_DOMAIN } from '@linchpin/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FrontEnd, startFrontEnd } from './front-end.ts';
import type { Phone } from './phone.ts';

const bobs = `sip:bob@${LAB_DOMAIN}`;
const chief = `sip:chief@${LAB_DOMAIN}`;
const claims: [string, string][] = [
  ['P-Asserted-Identity', `"Chief" <${chief}>`],
  ['p-asserted-identity', '<tel:+15551234>'],
  ['P-Preferred-Identity', `<${chief}>`],
  ['Remote-Party-ID', `<${chief}>;screen=yes`],
];
const names = ['p-asserted-identity', 'p-preferred-identity', 'remote-party-id'];

let frontEnd: FrontEnd;
let alice: Phone;
let bob: Phone;

beforeAll(async () => {
  frontEnd = await startFrontEnd({ users: ['alice', 'bob'] });
  alice = await frontEnd.phone('alice', { transport: 'tcp' });
  bob = await frontEnd.phone('bob', { transport: 'tcp' });
  await Promise.all([alice.register(), bob.register()]);
});
afterAll(() => frontEnd?.close());

describe('what an endpoint claims', () => {
  test('in a request is replaced by what was proved', async () => {
    const sent = alice.ask('MESSAGE', bobs, { headers: claims });
    const received = await bob.next('MESSAGE');
    expect(names.map((name) => received.getAll(name))).toEqual([[`<${alice.aor}>`], [], []]);
    bob.answer(received, 200);
    await sent;
  });

  test('in an answer is taken out, in a provisional one too', async () => {
    const asking = { headers: [['Contact', `<${alice.contact}>`]] as [string, string][] };
    const sent = alice.ask('INVITE', bobs, asking);
    const invite = await bob.next('INVITE');
    bob.answer(invite, 180, claims);
    const ringing = await alice.heard(180);
    bob.answer(invite, 486, claims);
    for (const response of [ringing, await sent])
      expect(names.filter((name) => response.has(name))).toEqual([]);
  });

  test('is not said at all of who wants privacy (RFC 3325 7)', async () => {
    const sent = alice.ask('MESSAGE', bobs, { headers: [...claims, ['Privacy', 'critical; id']] });
    const received = await bob.next('MESSAGE');
    expect(names.filter((name) => received.has(name))).toEqual([]);
    bob.answer(received, 200);
    await sent;
  });
});

describe('in a dialog', () => {
  /** The two values that lead along the dialog, and its Call-ID. */
  async function dialog() {
    const asking = { headers: [['Contact', `<${alice.contact}>`]] as [string, string][] };
    const sent = alice.ask('INVITE', bobs, asking);
    const invite = await bob.next('INVITE');
    bob.answer(invite, 200, [['Contact', `<${bob.contact}>`]]);
    const ok = await sent;
    const routes = [...ok.values('record-route')].reverse();
    return { callId: invite.callId, routes, toTag: ok.to.tag ?? '', cseq: ok.cseq.seq };
  }

  test('nobody is somebody else', async () => {
    const { routes, ...talk } = await dialog();
    const headers = routes.map((route): [string, string] => ['Route', route]);
    const spoofed = alice.build('MESSAGE', bob.contact, { ...talk, headers, from: chief, to: bobs });
    expect((await alice.exchange(spoofed)).status).toBe(407);
  });

  test('an ACK finds its way behind the address of an outbound proxy, which is this server', async () => {
    const { routes, ...talk } = await dialog();
    const own = `<sip:127.0.0.1:${frontEnd.server('tcp').port};transport=tcp;lr>`;
    const headers = [own, ...routes].map((route): [string, string] => ['Route', route]);
    alice.send(alice.build('ACK', bob.contact, { ...talk, headers: [...headers, ...claims], to: bobs }));
    const acks = () =>
      bob.requests.filter(({ method, callId }) => method === 'ACK' && callId === talk.callId);
    await expect.poll(acks).toHaveLength(1);
    expect(acks().map((ack) => names.concat('route').some((name) => ack.has(name)))).toEqual([false]);
  });

  test('an ACK whose way cannot be read does no harm', async () => {
    const { callId } = await dialog();
    for (const route of ['<sip:', 'nonsense', '<sip:127.0.0.1:99999;lr>'])
      alice.send(alice.build('ACK', bobs, { callId, toTag: newTag(), headers: [['Route', route]] }));
    expect((await alice.register()).status).toBe(200);
  });
});
