import { describe, expect, test } from 'vitest';
import type { SipRequest } from '../message/request.ts';
import { SipResponse } from '../message/response.ts';
import { createFakeClock, createFakeFlow, incoming } from './fakes.ts';
import { createTransactionLayer } from './layer.ts';
import type { ServerTransaction, TransactionLayerOptions } from './transaction.ts';

function setUp(options: Partial<TransactionLayerOptions> = {}) {
  const clock = createFakeClock();
  const requests: SipRequest[] = [];
  const acks: SipRequest[] = [];
  const transactions: ServerTransaction[] = [];
  const layer = createTransactionLayer({
    clock,
    onRequest(request, flow) {
      requests.push(request);
      transactions.push(layer.accept(request, flow));
    },
    onAck: (ack) => void acks.push(ack),
    ...options,
  });
  const answer = (status: number, at = -1) => {
    const transaction = transactions.at(at) as ServerTransaction;
    transaction.respond(SipResponse.to(transaction.request, status, undefined, { toTag: 'b' }));
  };
  return { clock, layer, requests, acks, transactions, answer };
}

const statuses = (sent: string[]) => sent.map((text) => Number(text.slice(8, 11)));

describe('a request other than INVITE', () => {
  test('is given once, and its retransmissions get the same bytes', () => {
    const { layer, requests, answer, clock } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('OPTIONS'), flow);
    layer.receive(incoming('OPTIONS'), flow);
    expect(flow.sent).toEqual([]);
    answer(200);
    layer.receive(incoming('OPTIONS'), flow);
    expect(statuses(flow.sent)).toEqual([200, 200]);
    expect(flow.sent[1]).toBe(flow.sent[0]);
    expect(requests).toHaveLength(1);
    clock.advance(32_000);
    expect(layer.stats()).toEqual({ server: 0, client: 0 });
  });

  test('is under way until it is answered', () => {
    const { layer, answer } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('OPTIONS'), flow);
    expect([...layer.underWay()]).toEqual([flow]);
    answer(200);
    expect([...layer.underWay()]).toEqual([]);
  });

  test('is forgotten at once when the transport is reliable', () => {
    const { layer, answer } = setUp();
    const flow = createFakeFlow('tcp');
    layer.receive(incoming('OPTIONS'), flow);
    expect(layer.stats().server).toBe(1);
    answer(200);
    expect(layer.stats().server).toBe(0);
  });

  test('gets 100 when the user is slow, and nothing after the client has given up', () => {
    const { layer, answer, clock, transactions } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('OPTIONS'), flow);
    answer(100);
    clock.advance(3499);
    expect(flow.sent).toEqual([]);
    clock.advance(1);
    layer.receive(incoming('OPTIONS'), flow);
    expect(statuses(flow.sent)).toEqual([100, 100]);
    expect(flow.sent[0]).toContain('To: <sip:bob@contoso.lab>\r\n');
    clock.advance(32_000);
    answer(200);
    expect(statuses(flow.sent)).toEqual([100, 100]);
    expect(transactions[0]?.finished).toBe(true);
    expect(layer.stats().server).toBe(0);
  });

  test('never gets 408, nor a provisional response but 100', () => {
    const { layer, answer } = setUp();
    const flow = createFakeFlow('tcp');
    layer.receive(incoming('OPTIONS'), flow);
    answer(180);
    answer(408);
    expect(flow.sent).toEqual([]);
    expect(layer.stats().server).toBe(0);
  });

  test('is a new one with another method, sent-by, branch or source', () => {
    const { layer, requests } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('OPTIONS'), flow);
    layer.receive(incoming('MESSAGE'), flow);
    layer.receive(incoming('OPTIONS', { branch: 'z9hG4bK-2' }), flow);
    layer.receive(incoming('OPTIONS', { sentBy: 'other.contoso.lab' }), flow);
    const elsewhere = { ...createFakeFlow('udp'), remote: { address: '192.0.2.66', port: 5555 } };
    layer.receive(incoming('OPTIONS'), elsewhere);
    expect(requests).toHaveLength(5);
  });

  test('tells whoever keeps its final answer what that was', () => {
    const kept: string[] = [];
    const { layer } = setUp();
    const flow = createFakeFlow('tcp');
    const request = incoming('OPTIONS');
    const onFinal = (response: Buffer) => kept.push(response.toString('latin1'));
    const transaction = layer.accept(request, flow, { onFinal });
    transaction.respond(SipResponse.to(request, 100));
    expect(kept).toEqual([]);
    flow.broken = true;
    transaction.respond(SipResponse.to(request, 200, undefined, { toTag: 'b' }));
    transaction.respond(SipResponse.to(request, 486));
    expect(statuses(kept)).toEqual([200]);
  });

  test('tells the user that an answer could not be sent', () => {
    const { layer, answer, transactions } = setUp();
    const flow = createFakeFlow('tcp');
    layer.receive(incoming('OPTIONS'), flow);
    const errors: string[] = [];
    transactions[0]?.onError((kind) => errors.push(kind));
    flow.close('gone');
    answer(200);
    expect(errors).toEqual(['transport']);
  });
});

describe('an INVITE', () => {
  test('gets 100 after 200 ms unless the user answers or says that it will', () => {
    const { layer, answer, clock } = setUp();
    const flow = createFakeFlow('tcp');
    layer.receive(incoming('INVITE'), flow);
    clock.advance(200);
    expect(statuses(flow.sent)).toEqual([100]);
    layer.receive(incoming('INVITE', { branch: 'z9hG4bK-2' }), flow);
    answer(180);
    layer.accept(incoming('INVITE', { branch: 'z9hG4bK-3' }), flow, { trying: false });
    clock.advance(1000);
    expect(statuses(flow.sent)).toEqual([100, 180]);
  });

  test('that is refused on UDP repeats the answer until the ACK', () => {
    const { layer, answer, clock, acks } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('INVITE'), flow);
    answer(486);
    clock.advance(500 + 1000 + 2000 + 4000 + 4000);
    expect(statuses(flow.sent)).toEqual([486, 486, 486, 486, 486, 486]);
    layer.receive(incoming('ACK', { toTag: 'b' }), flow);
    layer.receive(incoming('ACK', { toTag: 'b' }), flow);
    clock.advance(4999);
    expect(layer.stats().server).toBe(1);
    clock.advance(1);
    expect(layer.stats().server).toBe(0);
    expect(flow.sent).toHaveLength(6);
    expect(acks).toEqual([]);
  });

  test('that is refused and not acknowledged tells a timeout after 64*T1', () => {
    const { layer, answer, clock, transactions } = setUp();
    const flow = createFakeFlow('tcp');
    layer.receive(incoming('INVITE'), flow);
    const errors: string[] = [];
    transactions[0]?.onError((kind) => errors.push(kind));
    answer(486);
    clock.advance(31_999);
    expect(errors).toEqual([]);
    clock.advance(1);
    expect(errors).toEqual(['timeout']);
    expect(statuses(flow.sent)).toEqual([486]);
  });

  test('that is accepted absorbs retransmissions, sends the 2xx of the user again, and gives up the ACK', () => {
    const { layer, answer, clock, requests, acks } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('INVITE'), flow);
    answer(200);
    layer.receive(incoming('INVITE'), flow);
    expect(statuses(flow.sent)).toEqual([200]);
    answer(200);
    answer(486);
    expect(statuses(flow.sent)).toEqual([200, 200]);
    layer.receive(incoming('ACK', { branch: 'z9hG4bK-ack', toTag: 'b' }), flow);
    layer.receive(incoming('ACK', { toTag: 'b' }), flow);
    expect(acks).toHaveLength(2);
    expect(requests).toHaveLength(1);
    clock.advance(32_000);
    expect(layer.stats().server).toBe(0);
  });

  test('stays when an answer cannot be sent, so that retransmissions are no new requests', () => {
    const { layer, answer, requests, transactions } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('INVITE'), flow);
    const errors: string[] = [];
    transactions[0]?.onError((kind) => errors.push(kind));
    flow.broken = true;
    answer(486);
    expect(errors).toEqual(['transport']);
    flow.broken = false;
    layer.receive(incoming('INVITE'), flow);
    expect(statuses(flow.sent)).toEqual([486]);
    expect(requests).toHaveLength(1);
  });
});

describe('a CANCEL', () => {
  test('gets 200 with the tag of the INVITE, and the user is told once', () => {
    const { layer, answer, transactions } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('INVITE'), flow);
    answer(180);
    const cancels: SipRequest[] = [];
    transactions[0]?.onCancel((cancel) => {
      cancels.push(cancel);
      answer(487);
    });
    layer.receive(incoming('CANCEL'), flow);
    layer.receive(incoming('CANCEL'), flow);
    expect(statuses(flow.sent)).toEqual([180, 200, 487, 200]);
    expect(flow.sent[1]).toContain('To: <sip:bob@contoso.lab>;tag=b\r\n');
    expect(flow.sent[1]).toContain('CSeq: 1 CANCEL\r\n');
    expect(cancels).toHaveLength(1);
  });

  test('of no transaction here gets 481, unless somebody else has it', () => {
    let elsewhere = false;
    const { layer } = setUp({ onCancel: () => elsewhere });
    const flow = createFakeFlow('udp');
    layer.receive(incoming('CANCEL'), flow);
    elsewhere = true;
    layer.receive(incoming('CANCEL'), flow);
    expect(statuses(flow.sent)).toEqual([481]);
  });

  test('that came before the user listened is told at once', () => {
    const { layer, transactions } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('INVITE'), flow);
    layer.receive(incoming('CANCEL'), flow);
    let told = 0;
    transactions[0]?.onCancel(() => told++);
    expect(told).toBe(1);
  });

  test('changes nothing for an INVITE with a final response, nor for another method', () => {
    const { layer, answer, transactions } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('INVITE'), flow);
    let told = 0;
    transactions[0]?.onCancel(() => told++);
    answer(200);
    layer.receive(incoming('CANCEL'), flow);
    layer.receive(incoming('MESSAGE', { branch: 'z9hG4bK-2' }), flow);
    transactions[1]?.onCancel(() => told++);
    layer.receive(incoming('CANCEL', { branch: 'z9hG4bK-2' }), flow);
    expect(statuses(flow.sent)).toEqual([200, 200, 200]);
    expect(told).toBe(0);
  });

  test('gets 481 when there is no such transaction, or it is that of another client', () => {
    const { layer, transactions } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('CANCEL'), flow);
    layer.receive(incoming('INVITE'), flow);
    let told = 0;
    transactions[0]?.onCancel(() => told++);
    const elsewhere = { ...flow, remote: { address: '192.0.2.66', port: 5555 } };
    layer.receive(incoming('CANCEL'), elsewhere);
    layer.receive(incoming('CANCEL', { branch: 'z9hG4bK-2' }), flow);
    expect(statuses(flow.sent)).toEqual([481, 481, 481]);
    expect(told).toBe(0);
  });
});

describe('clients of RFC 2543', () => {
  const branch = '';

  test('are matched without a branch', () => {
    const { layer, answer, requests } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('OPTIONS', { branch }), flow);
    answer(200);
    layer.receive(incoming('OPTIONS', { branch }), flow);
    expect(statuses(flow.sent)).toEqual([200, 200]);
    layer.receive(incoming('OPTIONS', { branch, seq: 2 }), flow);
    layer.receive(incoming('OPTIONS', { branch, uri: 'sip:carol@contoso.lab' }), flow);
    layer.receive(incoming('OPTIONS', { branch, callId: 'call-2' }), flow);
    layer.receive(incoming('OPTIONS', { branch, toTag: 'x' }), flow);
    expect(requests).toHaveLength(5);
  });

  test('acknowledge with the To tag of the response', () => {
    const { layer, answer, acks, clock } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('INVITE', { branch }), flow);
    answer(486);
    layer.receive(incoming('ACK', { branch, toTag: 'other' }), flow);
    expect(acks).toHaveLength(1);
    layer.receive(incoming('ACK', { branch, toTag: 'b' }), flow);
    clock.advance(5000);
    expect(layer.stats().server).toBe(0);
  });

  test('acknowledge within a dialog, and the ACK of a 2xx goes to the user', () => {
    const { layer, answer, acks } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('INVITE', { branch, toTag: 'b', seq: 2 }), flow);
    answer(200);
    layer.receive(incoming('ACK', { branch, toTag: 'b', seq: 2 }), flow);
    expect(acks).toHaveLength(1);
  });

  test('cancel', () => {
    const { layer, transactions } = setUp();
    const flow = createFakeFlow('udp');
    layer.receive(incoming('INVITE', { branch }), flow);
    let told = 0;
    transactions[0]?.onCancel(() => told++);
    layer.receive(incoming('CANCEL', { branch }), flow);
    expect(statuses(flow.sent)).toEqual([200]);
    expect(told).toBe(1);
  });
});

describe('limits', () => {
  test('above the number of transactions requests get 503, all copies of one the same', () => {
    const { layer, requests } = setUp({ limits: { transactions: 1 } });
    const flow = createFakeFlow('udp');
    layer.receive(incoming('OPTIONS'), flow);
    layer.receive(incoming('OPTIONS', { branch: 'z9hG4bK-2' }), flow);
    layer.receive(incoming('OPTIONS', { branch: 'z9hG4bK-2' }), flow);
    expect(statuses(flow.sent)).toEqual([503, 503]);
    expect(flow.sent[0]).toContain('Retry-After: 5\r\n');
    expect(flow.sent[1]).toBe(flow.sent[0]);
    expect(requests).toHaveLength(1);
  });

  test('above the bytes of kept answers too, until they are dropped', () => {
    const { layer, requests, answer, clock } = setUp({ limits: { bytes: 100 } });
    const flow = createFakeFlow('udp');
    layer.receive(incoming('OPTIONS'), flow);
    answer(200);
    layer.receive(incoming('OPTIONS', { branch: 'z9hG4bK-2' }), flow);
    expect(statuses(flow.sent)).toEqual([200, 503]);
    clock.advance(32_000);
    layer.receive(incoming('OPTIONS', { branch: 'z9hG4bK-3' }), flow);
    expect(requests).toHaveLength(2);
  });
});

test('an unreadable message is dropped', () => {
  const { layer, requests } = setUp();
  const flow = createFakeFlow('udp');
  for (const header of ['Via', 'From', 'To', 'Call-ID', 'CSeq']) {
    const request = incoming('OPTIONS');
    request.delete(header);
    layer.receive(request, flow);
    const response = SipResponse.to(incoming('OPTIONS'), 200);
    response.delete(header);
    layer.receive(response, flow);
  }
  expect(requests).toEqual([]);
  expect(flow.sent).toEqual([]);
});

test('a stateless reply leaves nothing behind', () => {
  const { layer, requests } = setUp({
    onRequest: (request, flow) => layer.reply(request, flow, SipResponse.to(request, 401)),
  });
  const flow = createFakeFlow('udp');
  layer.receive(incoming('REGISTER'), flow);
  layer.receive(incoming('REGISTER'), flow);
  expect(statuses(flow.sent)).toEqual([401, 401]);
  expect(layer.stats().server).toBe(0);
  expect(requests).toEqual([]);
});

test('an ACK is never answered', () => {
  const { layer } = setUp();
  const flow = createFakeFlow('udp');
  layer.reply(incoming('ACK'), flow, SipResponse.to(incoming('ACK'), 401));
  expect(flow.sent).toEqual([]);
});

test('nothing fires after close', () => {
  const { layer, clock } = setUp();
  const flow = createFakeFlow('udp');
  layer.receive(incoming('INVITE'), flow);
  layer.close();
  clock.advance(60_000);
  expect(flow.sent).toEqual([]);
  expect(clock.armed).toBe(0);
});
