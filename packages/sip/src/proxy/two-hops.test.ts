import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DialogState, requestInDialog, uacDialog, uasDialog } from '../dialog/dialog.ts';
import type { SipResponse } from '../message/response.ts';
import {
  connect,
  createPhone,
  createProxyNode,
  outOfDialog,
  type Phone,
  type ProxyNode,
  quiet,
} from './fake-network.ts';

let alice: Phone;
let desk: Phone;
let mobile: Phone;
let near: ProxyNode;
let far: ProxyNode;

// alice - near - far - desk and mobile, both bob's
beforeEach(() => {
  [alice, desk, mobile] = [createPhone('alice'), createPhone('desk'), createPhone('mobile')];
  [near, far] = [createProxyNode('near'), createProxyNode('far')];
  connect(alice, near);
  connect(near, far);
  connect(far, desk);
  connect(far, mobile);
  near.targets = [{ host: 'far', uri: 'sip:bob@far' }];
  far.targets = [
    { host: 'desk', uri: 'sip:bob@desk' },
    { host: 'mobile', uri: 'sip:bob@mobile' },
  ];
});

afterEach(() => {
  for (const node of [alice, desk, mobile, near, far]) node.layer.close();
});

const final = (phone: Phone) => phone.responses.filter((response) => response.status >= 200);

/** Alice's call, answered by the mobile. */
async function call() {
  const invite = outOfDialog('INVITE', 'sip:bob@example.com', alice);
  const transaction = alice.send(invite);
  await quiet();
  return { invite, transaction };
}

async function answeredCall(): Promise<{ caller: DialogState; callee: DialogState }> {
  const { invite } = await call();
  desk.answer(180);
  mobile.answer(200, { toTag: 'm' });
  await quiet();
  const caller = uacDialog(invite, final(alice)[0] as SipResponse);
  return { caller, callee: uasDialog(mobile.calls[0]?.request ?? invite, 'm') };
}

describe('an INVITE over two proxies to two phones', () => {
  it('rings at both, is answered by one and cancelled at the other (RFC 3261 16.7 step 10)', async () => {
    await call();
    desk.answer(180);
    mobile.answer(180);
    await quiet();
    mobile.answer(200);
    await quiet();
    expect(alice.responses.map((response) => response.status)).toEqual([180, 180, 200]);
    expect(desk.calls[0]?.cancelled).toBe(true);
    expect(mobile.calls[0]?.cancelled).toBe(false);
  });

  it('gets the ACK for the 487 from the next hop alone (RFC 3261 17.1.1.3)', async () => {
    await call();
    desk.answer(180);
    mobile.answer(200);
    await quiet();
    expect(desk.heard).toEqual(['INVITE', 'CANCEL', 'ACK']);
    expect(desk.acks).toEqual([]);
    expect(near.heard).not.toContain('487 INVITE');
    expect(mobile.heard).toEqual(['INVITE']);
  });

  it('has the body and the headers of the caller, and no Via of ours goes back', async () => {
    await call();
    const { request } = mobile.calls[0] ?? {};
    expect(request?.uri).toBe('sip:bob@mobile');
    expect(Buffer.from(request?.body ?? []).toString()).toBe('body');
    expect(request?.vias.map((via) => via.host)).toEqual(['far', 'near', 'alice']);
    expect(request?.maxForwards).toBe(68);
    mobile.answer(200);
    await quiet();
    expect(final(alice)[0]?.vias.map((via) => via.host)).toEqual(['alice']);
  });

  it('is refused by both: the best answer goes back, and each hop has its ACK', async () => {
    await call();
    desk.answer(480);
    mobile.answer(486, { toTag: 'm' });
    await quiet();
    expect(final(alice).map((response) => response.status)).toEqual([480]);
    for (const node of [near, far, desk, mobile]) expect(node.heard).toContain('ACK');
    for (const phone of [desk, mobile]) expect(phone.acks).toEqual([]);
  });
});

describe('a call that stands', () => {
  it('is acknowledged end to end by the recorded route (RFC 3261 16.12, RFC 5658 5)', async () => {
    const { caller } = await answeredCall();
    expect(caller.routeSet).toHaveLength(4);
    alice.ack(requestInDialog(caller, 'ACK'));
    await quiet();
    expect(mobile.acks.map((ack) => ack.uri)).toEqual(['sip:mobile']);
    expect(mobile.acks[0]?.has('route')).toBe(false);
    expect(desk.heard.filter((line) => line === 'ACK')).toHaveLength(1); // that for its 487
  });

  it('is ended by the caller', async () => {
    const { caller } = await answeredCall();
    alice.send(requestInDialog(caller, 'BYE'));
    await quiet();
    expect(mobile.calls[1]?.request.method).toBe('BYE');
    mobile.answer(200);
    await quiet();
    expect(alice.responses.at(-1)?.cseq).toEqual({ seq: 2, method: 'BYE' });
  });

  it('is ended by the callee, over the flows that the tokens name (RFC 5626 5.3.1)', async () => {
    const { callee } = await answeredCall();
    mobile.send(requestInDialog(callee, 'BYE'));
    await quiet();
    expect(alice.calls[0]?.request.uri).toBe('sip:alice');
    alice.answer(200);
    await quiet();
    expect(mobile.responses.map((response) => response.status)).toEqual([200]);
  });

  it('gets 430 for a flow that is gone', async () => {
    const { caller } = await answeredCall();
    far.flows.delete('mobile');
    alice.send(requestInDialog(caller, 'BYE'));
    await quiet();
    expect(alice.responses.at(-1)?.status).toBe(430);
  });
});

describe('a CANCEL over two proxies', () => {
  it('reaches both phones, and one 487 comes back (RFC 3261 16.10)', async () => {
    const { transaction } = await call();
    desk.answer(180);
    await quiet();
    transaction.cancel();
    await quiet();
    expect([desk, mobile].map((phone) => phone.calls[0]?.cancelled)).toEqual([true, false]);
    // Nothing may be sent to a phone that is silent so far (9.1).
    mobile.answer(180);
    await quiet();
    expect(mobile.calls[0]?.cancelled).toBe(true);
    expect(final(alice).map((response) => response.status)).toEqual([487]);
  });

  it('that crosses the answer leaves the call standing', async () => {
    const { transaction } = await call();
    mobile.answer(180);
    await quiet();
    mobile.answer(200);
    transaction.cancel();
    await quiet();
    expect(final(alice).map((response) => response.status)).toEqual([200]);
  });
});

describe('a MESSAGE over two proxies', () => {
  it('is answered by the phone, and leaves no state behind', async () => {
    far.targets = [{ host: 'mobile', uri: 'sip:bob@mobile' }];
    alice.send(outOfDialog('MESSAGE', 'sip:bob@example.com', alice));
    await quiet();
    expect(mobile.calls[0]?.request.method).toBe('MESSAGE');
    mobile.answer(200);
    await quiet();
    expect(alice.responses.map((response) => response.status)).toEqual([200]);
    for (const node of [alice, near, far, mobile]) {
      expect(node.layer.stats()).toEqual({ server: 0, client: 0 });
    }
  });

  it('to a phone whose connection takes nothing gets 500 (RFC 3261 16.9)', async () => {
    far.targets = [{ host: 'mobile', uri: 'sip:bob@mobile' }];
    Object.assign(far.flows.get('mobile') ?? {}, { send: () => false });
    alice.send(outOfDialog('MESSAGE', 'sip:bob@example.com', alice));
    await quiet();
    expect(alice.responses.map((response) => response.status)).toEqual([500]);
  });

  it('to a loop between the proxies is refused with 482 (RFC 3261 16.3)', async () => {
    far.targets = [{ host: 'near', uri: 'sip:bob@example.com' }];
    near.targets = [{ host: 'far', uri: 'sip:bob@example.com' }];
    alice.send(outOfDialog('MESSAGE', 'sip:bob@example.com', alice));
    await quiet();
    expect(alice.responses.map((response) => response.status)).toEqual([482]);
    expect(far.heard.filter((line) => line === 'MESSAGE')).toHaveLength(1);
  });
});
