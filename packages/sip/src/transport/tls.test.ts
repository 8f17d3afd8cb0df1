import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { SomeTransportLimits } from './limits.ts';
import { selfSigned } from './test-certificate.ts';
import { createCleanUp, dial, eventually, logged, optionsRequest, peerOn } from './test-peers.ts';
import { createTlsListener } from './tls.ts';

const cleanUp = createCleanUp();
afterEach(cleanUp.run);
let tls: Awaited<ReturnType<typeof selfSigned>>;
beforeAll(async () => {
  tls = await selfSigned('fe.contoso.lab');
});

async function listen(limits: SomeTransportLimits = {}) {
  const log = logged(limits);
  const listener = cleanUp.add(await createTlsListener({ ...log.options, tls }));
  const open = async (options: ConnectionOptions = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    const socket = connect({
      host: '127.0.0.1',
      port: listener.port,
      servername: 'fe.contoso.lab',
      ca: tls.cert,
      ...options,
    });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
    cleanUp.add(socket);
    return peerOn(await promise);
  };
  return { ...log, listener, open };
}

test('serves requests', async () => {
  const { open, flows } = await listen();
  const peer = await open();
  peer.socket.write(optionsRequest({ transport: 'TLS', via: 'client.lab;rport' }));
  await peer.until('SIP/2.0 200 OK\r\n');
  expect(flows[0]).toMatchObject({
    transport: 'tls',
    reliable: true,
    remote: { address: '127.0.0.1', port: peer.socket.localPort },
  });
  expect(peer.text).toContain(`;rport=${peer.socket.localPort}`);
});

test('answers a thousand pipelined messages', async () => {
  const { open, messages } = await listen();
  const peer = await open();
  peer.socket.write(Array.from({ length: 1000 }, (_, branch) => optionsRequest({ branch })).join(''));
  await peer.until('Call-ID: call-999\r\n');
  expect(messages).toHaveLength(1000);
});

test('closes who does not finish the handshake, or sends something else', async () => {
  const { listener, refused, flows } = await listen({ halfOpenSeconds: 0.1 });
  const silent = await dial(listener);
  await silent.closed;
  const other = await dial(listener);
  other.socket.write(optionsRequest());
  await other.closed;
  await eventually(() => expect(refused).toEqual(['no handshake', 'no handshake']));
  expect(flows).toEqual([]);
});

test('closes who says nothing after the handshake', async () => {
  const { open, closed } = await listen({ halfOpenSeconds: 0.3 });
  const peer = await open();
  await peer.closed;
  expect(closed).toEqual(['no message in time']);
});

test('counts connections before they have a handshake', async () => {
  const { listener, refused, open } = await listen({ connections: 1 });
  const silent = await dial(listener);
  await expect(open()).rejects.toThrow();
  expect(refused).toEqual(['too many connections']);
  silent.socket.destroy();
});

test('does not speak versions that are out of date', async () => {
  const { open } = await listen();
  await expect(open({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })).rejects.toThrow();
});

test('takes new certificates for new connections, and keeps the open ones', async () => {
  const { open, listener } = await listen();
  const old = await open();
  const renewed = await selfSigned('fe.contoso.lab');
  expect(() => listener.setTls?.({ cert: 'nonsense', key: 'nonsense' })).toThrow();
  listener.setTls?.(renewed);
  await expect(open()).rejects.toThrow();
  const peer = await open({ ca: renewed.cert });
  for (const { socket, until } of [old, peer]) {
    socket.write(optionsRequest());
    await until('200 OK');
  }
});

test('ends also what is in the middle of a handshake', async () => {
  const { listener, open } = await listen();
  const peer = await open();
  const socket = connectTcp(listener.port, '127.0.0.1');
  const silent = peerOn(socket);
  socket.write('\x16\x03');
  await eventually(() => expect(socket.bytesWritten).toBe(2));
  await listener.close();
  await Promise.all([silent.closed, peer.closed]);
});
