import { describe, expect, test } from 'vitest';
import { parseMessage } from '../message/parse.ts';
import { SipRequest } from '../message/request.ts';
import { SipResponse } from '../message/response.ts';
import type { Flow, TransportName } from '../transport/flow.ts';
import { createFakeClock, createFakeFlow } from './fakes.ts';
import { createTransactionLayer } from './layer.ts';

function setUp(transport: TransportName) {
  const clock = createFakeClock();
  const flow = createFakeFlow(transport);
  const strays: SipResponse[] = [];
  const heard: (number | string)[] = [];
  const layer = createTransactionLayer({
    clock,
    onRequest() {},
    onAck() {},
    onStray: (response) => void strays.push(response),
  });
  const request = (method: string, on: Flow = flow) =>
    layer.request(outgoing(method), on, {
      onResponse: ({ status }) => void heard.push(status),
      onError: (kind) => void heard.push(kind),
    });
  const answer = (to: SipRequest, status: number, toTag = 'b') =>
    layer.receive(SipResponse.to(to, status, undefined, { toTag }), flow);
  return { clock, flow, layer, strays, heard, request, answer };
}

function outgoing(method: string): SipRequest {
  return SipRequest.create(method, 'sip:bob@contoso.lab', [
    ['Route', '<sip:edge.contoso.lab;lr>'],
    ['Max-Forwards', '70'],
    ['From', '<sip:alice@contoso.lab>;tag=a'],
    ['To', '<sip:bob@contoso.lab>'],
    ['Call-ID', 'call-1'],
    ['CSeq', `7 ${method}`],
    ['Require', 'x'],
  ]);
}

const methods = (sent: string[]) => sent.map((text) => text.slice(0, text.indexOf(' ')));
const settle = () => new Promise<void>((resolve) => queueMicrotask(resolve));

test.each(['INVITE', 'OPTIONS'])('%s is under way until its final answer', (method) => {
  const { flow, layer, request, answer } = setUp('udp');
  const { request: sent } = request(method);
  answer(sent, 100);
  expect([...layer.underWay()]).toEqual([flow]);
  answer(sent, 200);
  expect([...layer.underWay()]).toEqual([]);
});

describe('the Via', () => {
  test('names the transport, this side, and asks for the port', () => {
    const { flow, request } = setUp('udp');
    const { via } = request('OPTIONS').request;
    expect(flow.sent[0]).toContain('Via: SIP/2.0/UDP proxy.contoso.lab:5060;rport;branch=z9hG4bK');
    expect(via.branch).toMatch(/^z9hG4bK.{16}/);
    const tls = setUp('wss');
    tls.request('OPTIONS');
    expect(tls.flow.sent[0]).toContain('Via: SIP/2.0/WSS proxy.contoso.lab:5060;rport;branch=z9hG4bK');
  });

  test('has the branch that the user gives', () => {
    const { flow, layer } = setUp('tcp');
    const handlers = { onResponse() {}, onError() {} };
    layer.request(outgoing('OPTIONS'), flow, handlers, 'z9hG4bK-mine');
    layer.send(outgoing('ACK'), flow, 'z9hG4bK-too');
    expect(flow.sent[0]).toContain(';branch=z9hG4bK-mine\r\n');
    expect(flow.sent[1]).toContain(';branch=z9hG4bK-too\r\n');
    expect(layer.stats().client).toBe(1);
  });
});

describe('a request other than INVITE', () => {
  test('is retransmitted on UDP until it is answered, and is kept for a while', () => {
    const { clock, flow, request, answer, heard, layer } = setUp('udp');
    const { request: sent } = request('OPTIONS');
    clock.advance(500 + 1000);
    expect(flow.sent).toHaveLength(3);
    expect(flow.sent[2]).toBe(flow.sent[0]);
    answer(sent, 100);
    clock.advance(2000 + 4000);
    expect(flow.sent).toHaveLength(5);
    answer(sent, 200);
    answer(sent, 200);
    expect(heard).toEqual([100, 200]);
    clock.advance(5000);
    expect(layer.stats().client).toBe(0);
    expect(flow.sent).toHaveLength(5);
  });

  test('times out after 64*T1', () => {
    const { clock, flow, request, heard, layer } = setUp('udp');
    request('OPTIONS');
    clock.advance(31_999);
    expect(heard).toEqual([]);
    clock.advance(1);
    expect(heard).toEqual(['timeout']);
    expect(flow.sent).toHaveLength(11);
    expect(layer.stats().client).toBe(0);
  });

  test('is sent once on a reliable transport and forgotten with its answer', () => {
    const { clock, flow, request, answer, heard, layer } = setUp('tcp');
    const { request: sent } = request('OPTIONS');
    clock.advance(20_000);
    answer(sent, 200);
    expect(flow.sent).toHaveLength(1);
    expect(heard).toEqual([200]);
    expect(layer.stats().client).toBe(0);
  });

  test('hears of a failure after the call, whether the flow was closed before, or closes later', async () => {
    const { flow, request, heard, layer } = setUp('tcp');
    request('OPTIONS');
    flow.close('reset by peer');
    expect(heard).toEqual(['transport']);
    request('OPTIONS');
    expect(heard).toEqual(['transport']);
    await settle();
    expect(heard).toEqual(['transport', 'transport']);
    expect(layer.stats().client).toBe(0);
  });
});

describe('an INVITE', () => {
  test('stops being retransmitted with the first provisional response, and then waits without end', () => {
    const { clock, flow, request, answer, heard } = setUp('udp');
    const { request: sent } = request('INVITE');
    clock.advance(500);
    answer(sent, 100);
    clock.advance(100_000);
    answer(sent, 180);
    expect(flow.sent).toHaveLength(2);
    expect(heard).toEqual([100, 180]);
  });

  test('acknowledges a refusal, again for each copy of it', () => {
    const { clock, flow, request, answer, heard, layer } = setUp('udp');
    const { request: sent } = request('INVITE');
    answer(sent, 486);
    answer(sent, 486);
    expect(methods(flow.sent)).toEqual(['INVITE', 'ACK', 'ACK']);
    const ack = parseMessage(Buffer.from(flow.sent[1] as string)) as SipRequest;
    expect(ack.uri).toBe('sip:bob@contoso.lab');
    expect(ack.getAll('via')).toEqual([sent.get('via')]);
    expect(ack.get('to')).toBe('<sip:bob@contoso.lab>;tag=b');
    expect(ack.get('route')).toBe('<sip:edge.contoso.lab;lr>');
    expect(ack.cseq).toEqual({ seq: 7, method: 'ACK' });
    expect(ack.has('require')).toBe(false);
    expect(heard).toEqual([486]);
    clock.advance(32_000);
    expect(layer.stats().client).toBe(0);
  });

  test('gives every 2xx to the user for 64*T1, and acknowledges none', () => {
    const { clock, flow, request, answer, heard, strays, layer } = setUp('udp');
    const { request: sent } = request('INVITE');
    answer(sent, 200);
    answer(sent, 200, 'other');
    expect(heard).toEqual([200, 200]);
    expect(methods(flow.sent)).toEqual(['INVITE']);
    clock.advance(32_000);
    expect(layer.stats().client).toBe(0);
    answer(sent, 200);
    expect(strays).toHaveLength(1);
  });

  test('can be cancelled after the first provisional response only', () => {
    const { clock, flow, request, answer, heard, layer } = setUp('tcp');
    const transaction = request('INVITE');
    transaction.cancel();
    expect(methods(flow.sent)).toEqual(['INVITE']);
    answer(transaction.request, 180);
    transaction.cancel();
    expect(methods(flow.sent)).toEqual(['INVITE', 'CANCEL']);
    const cancel = parseMessage(Buffer.from(flow.sent[1] as string)) as SipRequest;
    expect(cancel.getAll('via')).toEqual([transaction.request.get('via')]);
    expect(cancel.get('to')).toBe('<sip:bob@contoso.lab>');
    expect(cancel.cseq).toEqual({ seq: 7, method: 'CANCEL' });
    expect(cancel.has('require')).toBe(false);
    expect(layer.stats().client).toBe(2);
    answer(cancel, 200);
    answer(transaction.request, 487);
    expect(heard).toEqual([180, 487]);
    expect(methods(flow.sent)).toEqual(['INVITE', 'CANCEL', 'ACK']);
    clock.advance(100_000);
    expect(layer.stats().client).toBe(0);
  });

  test('ends 64*T1 after a CANCEL that nobody obeys', () => {
    const { clock, request, answer, heard } = setUp('tcp');
    const transaction = request('INVITE');
    answer(transaction.request, 180);
    transaction.cancel();
    clock.advance(32_000);
    expect(heard).toEqual([180, 'timeout']);
  });

  test('may be cancelled while the user hears of a response', () => {
    const { flow, layer } = setUp('tcp');
    const transaction = layer.request(outgoing('INVITE'), flow, {
      onResponse: () => transaction.cancel(),
      onError() {},
    });
    layer.receive(SipResponse.to(transaction.request, 180), flow);
    expect(methods(flow.sent)).toEqual(['INVITE', 'CANCEL']);
  });
});

test('cancel does nothing for other methods', () => {
  const { flow, request, answer } = setUp('tcp');
  const transaction = request('MESSAGE');
  answer(transaction.request, 100);
  transaction.cancel();
  expect(methods(flow.sent)).toEqual(['MESSAGE']);
});

test('a response with the sent-by of somebody else is none to a request of ours', () => {
  const { request, heard, strays, flow, layer } = setUp('udp');
  const { request: sent } = request('OPTIONS');
  const response = SipResponse.to(sent, 200);
  response.set('Via', `SIP/2.0/UDP elsewhere.lab:5060;branch=${sent.via.branch}`);
  layer.receive(response, flow);
  expect(heard).toEqual([]);
  expect(strays).toEqual([response]);
});

test('nothing is heard after close', () => {
  const { clock, request, heard, flow, layer } = setUp('tcp');
  request('OPTIONS');
  layer.close();
  flow.close('stopped');
  clock.advance(60_000);
  expect(heard).toEqual([]);
});
