import { describe, expect, it } from 'vitest';
import { SipResponse } from '../message/response.ts';
import type { Flow } from '../transport/flow.ts';
import { fakeFlow, fakeLayer, fakeTransaction, requestOf, routeOf } from './fakes.ts';
import { createProxy } from './proxy.ts';
import type { Forwarding, Target } from './target.ts';

const to = (uri: string, options: Partial<Target> = {}): Target => ({
  uri,
  flow: () => fakeFlow(uri),
  ...options,
});

/** Forwards and gives what went out and what came back. */
function forward(request = requestOf('MESSAGE'), forwarding: Partial<Forwarding> = {}) {
  const layer = fakeLayer();
  const transaction = fakeTransaction(request);
  const finals: (SipResponse | undefined)[] = [];
  createProxy({ layer, routeHere: () => undefined }).forward({
    transaction,
    request,
    targets: [to('sip:bob@192.0.2.4')],
    onFinal: (response) => finals.push(response),
    ...forwarding,
  });
  return { layer, transaction, finals, copy: layer.sent[0]?.request ?? requestOf('NOTHING') };
}

const statuses = (responses: SipResponse[]) => responses.map((response) => response.status);

describe('RFC 3261 16.6: the copy', () => {
  it('keeps every header, their order and the body (step 1)', () => {
    const headers: [string, string][] = [
      ['x-first', '1'],
      ['date', 'no date at all'],
      ['x-first', '2'],
      ['m', '<sip:alice@192.0.2.1>'],
    ];
    const request = requestOf('MESSAGE', headers);
    request.body = Buffer.from('Hello \u00fc\u0000');
    const { copy } = forward(request);
    const kept = request.lines.filter((line) => line.name !== 'max-forwards').map((line) => line.raw);
    const sent = copy.lines.map((line) => line.raw).filter((raw) => !/^(Max-|Via: .*proxy)/.test(raw));
    expect(sent).toEqual(kept);
    expect(copy.body).toEqual(request.body);
  });

  it('leaves the received request as it was', () => {
    const request = requestOf('MESSAGE', [['route', '<sip:strict.example.com>']]);
    const before = request.toBuffer();
    forward(request, { recordRoutes: () => ['<sip:proxy.example.com;lr>'] });
    expect(request.toBuffer()).toEqual(before);
  });

  it('goes to the URI of the target, without what a Request-URI may not have (step 2)', () => {
    const targets = [to('sip:bob@192.0.2.4;transport=tcp;method=INVITE?subject=x')];
    expect(forward(undefined, { targets }).copy.uri).toBe('sip:bob@192.0.2.4;transport=tcp');
  });

  it('counts Max-Forwards down, or adds 70 (step 3)', () => {
    expect(forward().copy.get('max-forwards')).toBe('69');
    const request = requestOf('MESSAGE');
    request.delete('max-forwards');
    expect(forward(request).copy.get('max-forwards')).toBe('70');
  });

  it('has one Max-Breadth (RFC 5393 5.3.3)', () => {
    expect(forward().copy.getAll('max-breadth')).toEqual(['60']);
    expect(forward(requestOf('MESSAGE', [['max-breadth', '7']])).copy.getAll('max-breadth')).toEqual(['7']);
  });

  it('gets Record-Route values before those that are there, for each branch its own (step 4)', () => {
    const request = requestOf('INVITE', [['record-route', '<sip:p0.example.com;lr>']]);
    const recordRoutes = (_: Target, flow: Flow) => [
      `<sip:out-${flow.id}@proxy.example.com;lr>`,
      '<sip:in@proxy.example.com;lr>',
    ];
    const targets = [to('sip:a@192.0.2.4'), to('sip:b@192.0.2.5')];
    const { layer } = forward(request, { recordRoutes, targets });
    expect(layer.sent.map((sent) => sent.request.values('record-route'))).toEqual([
      [
        '<sip:out-sip:a@192.0.2.4@proxy.example.com;lr>',
        '<sip:in@proxy.example.com;lr>',
        '<sip:p0.example.com;lr>',
      ],
      [
        '<sip:out-sip:b@192.0.2.5@proxy.example.com;lr>',
        '<sip:in@proxy.example.com;lr>',
        '<sip:p0.example.com;lr>',
      ],
    ]);
  });

  it('visits the Path of the binding before other Routes (step 6, RFC 3327 5.4)', () => {
    const request = requestOf('MESSAGE', [['route', '<sip:last.example.com;lr>']]);
    const route = ['<sip:t@edge.example.com;lr>', '<sip:p2.example.com;lr>'];
    const { copy } = forward(request, { targets: [to('sip:bob@192.0.2.4', { route })] });
    expect(routeOf(copy)).toEqual({
      uri: 'sip:bob@192.0.2.4',
      route: ['sip:t@edge.example.com;lr', 'sip:p2.example.com;lr', 'sip:last.example.com;lr'],
    });
  });

  it('is put into the form that a strict router wants (step 6)', () => {
    const request = requestOf('BYE', [
      ['route', '<sip:strict.example.com;method=BYE>, <sip:p2.example.com;lr>'],
    ]);
    expect(routeOf(forward(request).copy)).toEqual({
      uri: 'sip:strict.example.com',
      route: ['sip:p2.example.com;lr', 'sip:bob@192.0.2.4'],
    });
  });

  it('has a branch of its own for each target (step 8)', () => {
    const targets = [to('sip:a@192.0.2.4'), to('sip:b@192.0.2.5')];
    const { layer } = forward(requestOf('INVITE'), { targets });
    const branches = layer.sent.map((sent) => sent.request.via.branch);
    expect(branches[0]).toMatch(/^z9hG4bK[0-9a-f.-]+$/);
    expect(branches[0]).not.toBe(branches[1]);
  });

  it('has an answer of its own when a Route in it cannot be read', () => {
    const { transaction, layer } = forward(requestOf('MESSAGE', [['route', '<sip:broken']]));
    expect(layer.sent).toEqual([]);
    expect(statuses(transaction.responses)).toEqual([400]);
  });
});

describe('RFC 3261 16.6 step 7: the way', () => {
  it('is looked up for each target, and may take time', async () => {
    const { layer } = forward(undefined, {
      targets: [to('sip:a@x', { flow: async () => fakeFlow('late') })],
    });
    expect(layer.sent).toEqual([]);
    await Promise.resolve();
    expect(layer.sent[0]?.flow.id).toBe('late');
  });

  it('is gone: 430 (RFC 5626 5.3.1)', async () => {
    const gone = forward(undefined, { targets: [to('sip:a@x', { flow: () => undefined })] });
    expect(statuses(gone.transaction.responses)).toEqual([430]);
    const later = forward(undefined, { targets: [to('sip:a@x', { flow: async () => undefined })] });
    await Promise.resolve();
    expect(statuses(later.transaction.responses)).toEqual([430]);
  });

  it('leaves the last word on every response to the caller, and tells whose it is', () => {
    const heard: [number, boolean][] = [];
    const upstream = (response: SipResponse, own: boolean) => {
      heard.push([response.status, own]);
      return own ? SipResponse.to(requestOf('INVITE'), 480) : response;
    };
    const { layer, transaction } = forward(requestOf('INVITE'), { upstream });
    layer.sent[0]?.answer(180);
    layer.sent[0]?.answer(486);
    const gone = forward(undefined, { upstream, targets: [to('sip:a@x', { flow: () => undefined })] });
    const refused = forward(requestOf('MESSAGE', [['proxy-require', 'magic']]), { upstream });
    expect(heard).toEqual([
      [180, false],
      [486, false],
      [430, true],
      [420, true],
    ]);
    const sent = [transaction, gone.transaction, refused.transaction].map(({ responses }) => responses);
    expect(sent.map(statuses)).toEqual([[180, 486], [480], [480]]);
  });

  it('cannot be found: as a transport error', async () => {
    const flow = () => Promise.reject(new Error('refused'));
    const { transaction } = forward(undefined, { targets: [to('sip:a@x', { flow })] });
    await Promise.resolve();
    expect(statuses(transaction.responses)).toEqual([500]);
  });

  it('must be TLS to a SIPS URI', () => {
    const over = (transport: Flow['transport']) =>
      forward(undefined, { targets: [to('sips:bob@x', { flow: () => fakeFlow('f', transport) })] });
    expect(statuses(over('tcp').transaction.responses)).toEqual([480]);
    expect(over('tls').layer.sent).toHaveLength(1);
    expect(over('wss').layer.sent).toHaveLength(1);
  });

  it('is not taken any more by what the caller has answered meanwhile', () => {
    const request = requestOf('INVITE');
    const transaction = fakeTransaction(request);
    transaction.respond(SipResponse.to(request, 487));
    const { layer, finals } = forward(request, { transaction });
    expect(layer.sent).toEqual([]);
    expect(finals).toEqual([undefined]);
  });

  it('leads nowhere without targets: 480 (16.5)', () => {
    const { transaction, finals } = forward(undefined, { targets: [] });
    expect(statuses(transaction.responses)).toEqual([480]);
    expect(finals).toEqual(transaction.responses);
  });
});

describe('RFC 3261 16.6: groups of targets', () => {
  const targets = [to('sip:late@x', { q: 0.1 }), to('sip:a@x', { q: 0.8 }), to('sip:b@x', { q: 0.8 })];
  const uris = (layer: ReturnType<typeof fakeLayer>) => layer.sent.map((sent) => sent.request.uri);

  it('are tried one after the other, each in parallel', () => {
    const { layer, transaction } = forward(requestOf('INVITE'), { targets });
    expect(uris(layer)).toEqual(['sip:a@x', 'sip:b@x']);
    layer.sent[0]?.answer(486);
    expect(uris(layer)).toHaveLength(2);
    layer.sent[1]?.answer(404);
    expect(uris(layer)).toEqual(['sip:a@x', 'sip:b@x', 'sip:late@x']);
    expect(transaction.responses).toEqual([]);
    layer.sent[2]?.answer(480);
    expect(statuses(transaction.responses)).toEqual([486]);
  });

  it('end with a 2xx', () => {
    const { layer, transaction } = forward(requestOf('INVITE'), { targets });
    layer.sent[0]?.answer(200);
    layer.sent[1]?.answer(487);
    expect(uris(layer)).toHaveLength(2);
    expect(statuses(transaction.responses)).toEqual([200]);
  });

  it('end with a 6xx (16.7 step 5)', () => {
    const { layer, transaction } = forward(requestOf('INVITE'), { targets });
    layer.sent[0]?.answer(603);
    layer.sent[1]?.answer(487);
    expect(uris(layer)).toHaveLength(2);
    expect(statuses(transaction.responses)).toEqual([603]);
  });

  it('go on at once past targets without a flow', () => {
    const gone = { flow: () => undefined };
    const { layer } = forward(undefined, { targets: [to('sip:a@x', gone), to('sip:b@x', { q: 0.2 })] });
    expect(uris(layer)).toEqual(['sip:b@x']);
  });

  it('go on after the timeout of an INVITE, but not of another request: the client has given up by then', () => {
    const invite = forward(requestOf('INVITE'), { targets: [to('sip:a@x'), to('sip:b@x', { q: 0.2 })] });
    invite.layer.sent[0]?.fail('timeout');
    expect(uris(invite.layer)).toHaveLength(2);
    const message = forward(requestOf('MESSAGE'), { targets: [to('sip:a@x'), to('sip:b@x', { q: 0.2 })] });
    message.layer.sent[0]?.fail('timeout');
    expect(uris(message.layer)).toHaveLength(1);
  });
});

describe('RFC 5626 7: registrations of one device', () => {
  const pair = () => [to('sip:flow1@x', { instance: 'i' }), to('sip:flow2@x', { instance: 'i' })];

  it.each([430, 408])('go on to the next flow after %i', (status) => {
    const { layer, transaction } = forward(requestOf('INVITE'), { targets: pair() });
    layer.sent[0]?.answer(status);
    expect(layer.sent[1]?.request.uri).toBe('sip:flow2@x');
    layer.sent[1]?.answer(200);
    expect(statuses(transaction.responses)).toEqual([200]);
  });

  it('go on when the first flow is gone', () => {
    const [first, second] = pair() as [Target, Target];
    const { layer } = forward(undefined, { targets: [{ ...first, flow: () => undefined }, second] });
    expect(layer.sent.map((sent) => sent.request.uri)).toEqual(['sip:flow2@x']);
  });

  it('go on when the first flow takes nothing', () => {
    const { layer, transaction } = forward(undefined, { targets: pair() });
    layer.sent[0]?.fail('transport');
    layer.sent[1]?.answer(200);
    expect(statuses(transaction.responses)).toEqual([200]);
  });

  it('end when the device has answered', () => {
    const { layer, transaction } = forward(requestOf('INVITE'), { targets: pair() });
    layer.sent[0]?.answer(486);
    expect(layer.sent).toHaveLength(1);
    expect(statuses(transaction.responses)).toEqual([486]);
  });
});
