import { afterEach, describe, expect, test } from 'vitest';
import type { Flow } from './flow.ts';
import type { ListenerOptions } from './listener.ts';
import { createCleanUp, eventually, logged, optionsRequest, udpPeer } from './test-peers.ts';
import { createUdpListener } from './udp.ts';

const cleanUp = createCleanUp();
afterEach(cleanUp.run);

async function setUp(more: Partial<ListenerOptions> = {}) {
  const taken: Flow[] = [];
  const log = logged({}, more);
  const onMessage: ListenerOptions['onMessage'] = (message, flow) => {
    taken.push(flow);
    log.options.onMessage(message, flow);
  };
  const listener = cleanUp.add(await createUdpListener({ ...log.options, onMessage }));
  const peer = await udpPeer();
  cleanUp.add(peer.socket);
  const send = (text: string) => peer.send(text, listener);
  return { ...log, listener, peer, taken, send };
}

const viaOf = (port: number) => `127.0.0.1:${port}`;

test('answers to where the request came from when the client asks for that', async () => {
  const { peer, send, taken, listener } = await setUp();
  send(optionsRequest({ transport: 'UDP', via: 'client.lab:9;rport' }));
  expect(await peer.next()).toContain(`;rport=${peer.port};branch=z9hG4bK1;received=127.0.0.1\r\n`);
  const [flow] = taken as [Flow];
  expect(flow).toMatchObject({ transport: 'udp', reliable: false, closed: false, identity: '' });
  expect(flow.id).toBe(`udp/127.0.0.1:${listener.port}/127.0.0.1:${peer.port}`);
});

test('answers to the port in the Via when the client does not', async () => {
  const { send, peer } = await setUp();
  const other = await udpPeer();
  cleanUp.add(other.socket);
  send(optionsRequest({ transport: 'UDP', via: viaOf(other.port) }));
  expect(await other.next()).toContain('200 OK');
  expect(peer.received).toEqual([]);
});

test('makes a flow from an address, with the same id as ever', async () => {
  const { listener, peer, taken, send } = await setUp();
  const flow = listener.flowTo?.({ address: '127.0.0.1', port: peer.port }) as Flow;
  send(optionsRequest({ via: viaOf(peer.port) }));
  await peer.next();
  expect(flow.id).toBe(taken[0]?.id);
  expect(flow.send(Buffer.from('hello'))).toBe(true);
  expect(await peer.next()).toBe('hello');
  flow.identity = 'sip:alice@contoso.lab';
  flow.close('nothing to close');
  expect(flow).toMatchObject({ identity: '', closed: false });
});

describe('what is no message', () => {
  test('is not worth a word when it is a keep-alive or STUN', async () => {
    const { peer, send, malformed, messages } = await setUp();
    for (const text of ['\r\n\r\n', '\0\0\0\0', '\x00\x01\x00\x00', '']) send(text);
    send(optionsRequest({ via: viaOf(peer.port) }));
    await peer.next();
    expect(messages).toHaveLength(1);
    expect(malformed).toEqual([]);
  });

  test('is dropped when it is garbage, and answered when it is a bad request', async () => {
    const { peer, send, malformed } = await setUp();
    send('garbage');
    send('x'.repeat(60_000));
    send(optionsRequest({ via: viaOf(peer.port), body: 'hello' }).slice(0, -1));
    expect(await peer.next()).toMatch(/^SIP\/2\.0 400 /);
    expect(malformed).toHaveLength(3);
  });

  test('has what is beyond its body cut off', async () => {
    const { peer, send, messages } = await setUp();
    send(`${optionsRequest({ via: viaOf(peer.port), body: 'hello' })} and more`);
    await peer.next();
    expect(Buffer.from(messages[0]?.body ?? []).toString()).toBe('hello');
  });
});

test('refuses whom the owner does not admit, without a word', async () => {
  let blocked = true;
  const { peer, send, refused } = await setUp({ admit: () => (blocked ? 'blocked' : true) });
  send(optionsRequest({ branch: 1, via: viaOf(peer.port) }));
  await eventually(() => expect(refused).toEqual(['blocked']));
  blocked = false;
  send(optionsRequest({ branch: 2, via: viaOf(peer.port) }));
  expect(await peer.next()).toContain('call-2');
});

test('tells its flows when it closes, and sending fails without throwing', async () => {
  const { listener } = await setUp();
  const flow = listener.flowTo?.({ address: '127.0.0.1', port: 9 }) as Flow;
  const told: string[] = [];
  flow.onClose((reason) => told.push(reason));
  flow.onClose((reason) => told.push(reason))();
  expect(listener.flowTo?.({ address: '127.0.0.1', port: 0 }).send(Buffer.from('x'))).toBe(false);
  await listener.close();
  await listener.close();
  flow.onClose((reason) => told.push(reason));
  await Promise.resolve();
  expect(told).toEqual(['listener closed', 'listener closed']);
  expect(flow.closed).toBe(true);
  expect(flow.send(Buffer.from('x'))).toBe(false);
});

test('a datagram too large to send is no error', async () => {
  const { listener, peer } = await setUp();
  const flow = listener.flowTo?.({ address: '127.0.0.1', port: peer.port }) as Flow;
  flow.send(Buffer.alloc(100_000));
  flow.send(Buffer.from('after'));
  expect(await peer.next()).toBe('after');
});

test('speaks IPv6, and IPv4 on the same socket', async () => {
  const { listener, taken } = await setUp({ address: '::' });
  const peer = await udpPeer();
  cleanUp.add(peer.socket);
  peer.send(optionsRequest({ via: '127.0.0.1;rport' }), { address: '127.0.0.1', port: listener.port });
  expect(await peer.next()).toContain(';received=127.0.0.1');
  expect(taken[0]?.remote.address).toBe('127.0.0.1');
  expect(taken[0]?.sentBy).not.toContain('::');
});
