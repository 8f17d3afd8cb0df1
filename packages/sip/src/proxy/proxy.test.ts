import { describe, expect, it } from 'vitest';
import { type FakeLayer, fakeFlow, fakeLayer, fakeTransaction, requestOf } from './fakes.ts';
import { createProxy } from './proxy.ts';
import type { ProxyOptions, Target } from './target.ts';

const target: Target = { uri: 'sip:bob@192.0.2.4', flow: () => fakeFlow('bob') };
const proxyOn = (layer: FakeLayer, options: Partial<ProxyOptions> = {}) =>
  createProxy({ layer, routeHere: () => undefined, ...options });

describe('RFC 3261 16.3: validation', () => {
  const proxy = proxyOn(fakeLayer(), { extensions: ['gruu'] });

  it('finds nothing wrong with an ordinary request', () => {
    expect(proxy.validate(requestOf('MESSAGE'))).toBeUndefined();
  });

  it('lets methods and header fields pass that it does not know (step 1)', () => {
    expect(proxy.validate(requestOf('FROBNICATE', [['x-new', '\u00ff']]))).toBeUndefined();
  });

  it('refuses schemes that it does not know with 416 (step 2)', () => {
    const request = requestOf('MESSAGE');
    request.uri = 'im:bob@example.com';
    expect(proxy.validate(request)).toMatchObject({ status: 416 });
    request.uri = 'SIPS:bob@example.com';
    expect(proxy.validate(request)).toBeUndefined();
  });

  it('refuses Max-Forwards 0 with 483 (step 3)', () => {
    const request = requestOf('MESSAGE');
    request.set('max-forwards', '0');
    expect(proxy.validate(request)).toMatchObject({ status: 483 });
    request.delete('max-forwards');
    expect(proxy.validate(request)).toBeUndefined();
  });

  it('refuses a Max-Forwards that cannot be read with 400 (step 1)', () => {
    const request = requestOf('MESSAGE');
    request.set('max-forwards', 'many');
    expect(proxy.validate(request)).toMatchObject({ status: 400 });
  });

  it('refuses unknown option tags in Proxy-Require with 420 and names them (step 5)', () => {
    const request = requestOf('MESSAGE', [['proxy-require', 'foo, GRUU, bar']]);
    expect(proxy.validate(request)).toEqual({
      status: 420,
      reason: 'Bad Extension',
      headers: [['unsupported', 'foo, bar']],
    });
  });

  it('answers by itself what reaches forward', () => {
    const layer = fakeLayer();
    const request = requestOf('INVITE', [['proxy-require', 'foo']]);
    const transaction = fakeTransaction(request);
    const finals: unknown[] = [];
    const onFinal = (response: unknown) => finals.push(response);
    proxyOn(layer).forward({ transaction, request, targets: [target], onFinal });
    expect(layer.sent).toEqual([]);
    expect(transaction.responses.map((response) => response.status)).toEqual([420]);
    expect(transaction.responses[0]?.get('unsupported')).toBe('foo');
    expect(finals).toEqual(transaction.responses);
  });
});

describe('RFC 3261 16.3 step 4, RFC 5393 4.2: loops', () => {
  const layer = fakeLayer();
  const proxy = proxyOn(layer);
  const received = requestOf('INVITE', [['route', '<sip:t@proxy.example.com;lr>']]);
  proxy.forward({ transaction: fakeTransaction(received), request: received, targets: [target] });
  const forwarded = layer.sent[0]?.request;
  /** What comes back when nothing on the way but the Via and Max-Forwards changed. */
  function comeBack(change: (request: typeof received) => void = () => undefined) {
    const request = received.clone();
    request.prepend('via', forwarded?.get('via') ?? '');
    request.prepend('via', 'SIP/2.0/UDP other.example.net;branch=z9hG4bKother;x="<,>"');
    request.set('max-forwards', '50');
    change(request);
    return proxy.validate(request);
  }

  it('are found by the branch of our own Via', () => {
    expect(comeBack()).toMatchObject({ status: 482, reason: 'Loop Detected' });
  });

  it('are none when the Request-URI is another by now: a spiral', () => {
    expect(comeBack((request) => (request.uri = 'sip:carol@example.com'))).toBeUndefined();
  });

  it.each(['route', 'proxy-require', 'proxy-authorization'])('are none when %s is another by now', (name) => {
    const result = comeBack((request) => request.prepend(name, '<sip:x.example.com>'));
    expect(result?.status).not.toBe(482);
  });

  it('are found whatever the method: CANCEL and ACK have the same branch', () => {
    const status = comeBack((request) => {
      request.method = 'ACK';
      request.set('cseq', '1 ACK');
    })?.status;
    expect(status).toBe(482);
  });

  it('are looked for in header text as it is, malformed or not', () => {
    const broken = requestOf('INVITE', [['via', `SIP/2.0/TCP x;branch=${forwarded?.via.branch}`]]);
    broken.set('from', '<sip:broken');
    broken.delete('call-id');
    expect(proxy.validate(broken)).toBeUndefined();
    proxy.forward({ transaction: fakeTransaction(broken), request: broken, targets: [target] });
  });

  it('are found by the proxy alone that wrote the branch', () => {
    const request = received.clone();
    request.prepend('via', forwarded?.get('via') ?? '');
    expect(proxyOn(fakeLayer()).validate(request)).toBeUndefined();
  });
});

describe('RFC 3261 16.11: the ACK of a 2xx', () => {
  const ack = (headers: [string, string][] = []) => requestOf('ACK', headers);

  it('is sent without state, and a retransmission with the same branch', () => {
    const layer = fakeLayer();
    const proxy = proxyOn(layer);
    proxy.relayAck(ack(), { ...target, route: ['<sip:p2.example.com;lr>'] });
    proxy.relayAck(ack(), target);
    const [first, second] = layer.stateless;
    expect(first?.uri).toBe('sip:bob@192.0.2.4');
    expect(first?.get('max-forwards')).toBe('69');
    expect(first?.get('route')).toBe('<sip:p2.example.com;lr>');
    expect(first?.via.branch).toMatch(/^z9hG4bK/);
    expect(second?.via.branch).toBe(first?.via.branch);
    expect(layer.sent).toEqual([]);
  });

  it('has another branch when it is another ACK', () => {
    const layer = fakeLayer();
    const proxy = proxyOn(layer);
    const other = ack();
    other.set('via', 'SIP/2.0/TCP alice.example.org;branch=z9hG4bKother');
    proxy.relayAck(ack(), target);
    proxy.relayAck(other, target);
    expect(layer.stateless[1]?.via.branch).not.toBe(layer.stateless[0]?.via.branch);
  });

  it('has a branch of more than the received one when that is of RFC 2543', () => {
    const layer = fakeLayer();
    const proxy = proxyOn(layer);
    for (const callId of ['c1', 'c2', 'c1']) {
      const old = ack();
      old.set('via', 'SIP/2.0/UDP old.example.org;branch=1');
      old.set('call-id', callId);
      proxy.relayAck(old, target);
    }
    const [first, second, third] = layer.stateless.map((request) => request.via.branch);
    expect(first).not.toBe(second);
    expect(third).toBe(first);
  });

  it('waits for the flow', async () => {
    const layer = fakeLayer();
    proxyOn(layer).relayAck(ack(), { ...target, flow: async () => fakeFlow('bob') });
    await Promise.resolve();
    expect(layer.stateless).toHaveLength(1);
  });

  it('is dropped without an answer when it cannot go on', async () => {
    const layer = fakeLayer();
    const proxy = proxyOn(layer);
    const tired = ack();
    tired.set('max-forwards', '0');
    proxy.relayAck(tired, target);
    proxy.relayAck(ack(), { ...target, flow: () => undefined });
    proxy.relayAck(ack(), { ...target, flow: () => Promise.reject(new Error('unreachable')) });
    proxy.relayAck(ack([['route', '<sip:broken']]), target);
    await Promise.resolve();
    expect(layer.stateless).toEqual([]);
  });
});
