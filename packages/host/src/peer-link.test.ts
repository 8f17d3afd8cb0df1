import { setImmediate as turn } from 'node:timers/promises';
import { freePort } from '@linchpin/backends';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Certificates, createCertificates } from '../test/certificates.ts';
import { frame, type TestFrame } from '../test/frames.ts';
import { createGate } from '../test/gate.ts';
import { type FrameServer, openLink, startFrameServer } from '../test/peers.ts';
import type { PeerLink } from './peer-link.ts';
import type { Peer } from './peer-server.ts';

let certificates: Certificates;
let closing: (() => unknown)[];
beforeEach(async () => {
  certificates = await createCertificates();
  closing = [];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  await certificates[Symbol.asyncDispose]();
});

async function serve(
  options: Partial<Parameters<typeof startFrameServer>[1]> = {},
  port = 0,
): Promise<FrameServer> {
  const server = await startFrameServer(certificates, { onFrame() {}, ...options }, port);
  closing.push(server.stop);
  return server;
}

async function link(options: Parameters<typeof openLink>[1]): Promise<PeerLink<TestFrame>> {
  const opened = await openLink(certificates, options);
  closing.push(() => opened.close());
  return opened;
}

const text = ({ message }: TestFrame) => message.toString();
const until = (condition: () => unknown) =>
  vi.waitFor(() => expect(condition()).toBeTruthy(), { timeout: 10_000, interval: 5 });

test('frames go both ways, and the server knows pod and role', async () => {
  const received: string[] = [];
  const arrived: Peer<TestFrame>[] = [];
  const server = await serve({
    onPeer: (peer) => arrived.push(peer),
    onFrame: (got, peer) => peer.send(frame(`${text(got)} back`)),
  });
  const outer = await link({ port: server.port, onFrame: (got) => received.push(text(got)) });
  expect(outer.send(frame('too early'))).toBe(false);
  await until(() => outer.up);
  expect(outer.send(frame('there and'))).toBe(true);
  await until(() => received.length === 1);
  expect(received).toEqual(['there and back']);
  expect(arrived).toMatchObject([{ pod: 'outer-0', role: 'outer', up: true }]);
  expect(server.peers.send('outer-0', frame('by name'))).toBe(true);
  expect(server.peers.send('outer-1', frame('to nobody'))).toBe(false);
  await until(() => received[1] === 'by name');
});

test('1000 frames of one turn arrive in order', async () => {
  const received: string[] = [];
  const server = await serve({ onFrame: (got) => received.push(text(got)) });
  const outer = await link({ port: server.port });
  await until(() => outer.up);
  const sent = Array.from({ length: 1000 }, (_, n) => String(n));
  expect(sent.every((n) => outer.send(frame(n)))).toBe(true);
  await until(() => received.length === 1000);
  expect(received).toEqual(sent);
});

test('a link survives the restart of its peer, with frames in order', async () => {
  const received: string[] = [];
  const downs: string[] = [];
  const gone: string[] = [];
  const options = {
    onFrame: (got: TestFrame) => received.push(text(got)),
    onPeerGone: (peer: Peer<TestFrame>) => gone.push(peer.pod),
  };
  const first = await serve(options, await freePort());
  let ups = 0;
  const outer = await link({
    port: first.port,
    onUp: () => ups++,
    onDown: ({ reason }) => downs.push(reason),
  });
  await until(() => outer.up);
  outer.send(frame('a'));
  await until(() => received.length === 1);
  await first.stop();
  await until(() => !outer.up);
  expect(outer.send(frame('lost'))).toBe(false);
  await serve(options, first.port);
  await until(() => outer.up);
  outer.send(frame('b'));
  outer.send(frame('c'));
  await until(() => received.length === 3);
  expect(received).toEqual(['a', 'b', 'c']);
  expect({ ups, downs: downs.length, gone }).toEqual({ ups: 2, downs: 1, gone: ['outer-0'] });
});

test('a peer that comes late is found within its first seconds', async () => {
  const port = await freePort();
  const outer = await link({ port });
  await serve({}, port);
  await until(() => outer.up);
});

test('a peer that falls silent is given up, and what could not leave is counted', async () => {
  const server = await serve();
  const gate = await createGate(() => server.port);
  closing.push(() => gate.close());
  const downs: { reason: string; dropped: number }[] = [];
  const outer = await link({
    port: gate.port,
    keepaliveMs: 300,
    queueLimit: 64,
    onDown: (down) => downs.push(down),
  });
  await until(() => outer.up);
  gate.freeze();
  const large = { message: Buffer.alloc(1024 * 1024) };
  // More than the socket and the stream take, so that the queue fills and refuses.
  while (outer.send(large)) await turn();
  await until(() => downs.length === 1);
  expect(downs[0]?.dropped).toBeGreaterThan(0);
});

test('the server too finds out that a peer has fallen silent', async () => {
  const gone: string[] = [];
  const server = await serve({ onPeerGone: (_, { reason }) => gone.push(reason) }, 0);
  const gate = await createGate(() => server.port);
  closing.push(() => gate.close());
  const outer = await link({ port: gate.port, keepaliveMs: 60_000 });
  await until(() => outer.up);
  gate.freeze();
  await until(() => gone.length === 1);
  expect(gone).toEqual(['stream ended']);
});

test('a server that stops takes nobody in again', async () => {
  const server = await serve();
  let ups = 0;
  const outer = await link({ port: server.port, onUp: () => ups++ });
  await until(() => outer.up);
  server.peers.close();
  await until(() => !outer.up);
  const later = await link({ port: server.port, pod: 'outer-1' } as never);
  await expect.poll(() => later.up, { timeout: 200 }).toBe(false);
  expect({ ups, peers: server.peers.peers.size }).toEqual({ ups: 1, peers: 0 });
});

test('a pod that opens a second stream takes the place of its first', async () => {
  const gone: string[] = [];
  const server = await serve({ onPeerGone: (_, { reason }) => gone.push(reason) });
  const first = await link({ port: server.port });
  await until(() => first.up);
  const firstPeer = server.peers.peers.get('outer-0');
  const second = await link({ port: server.port });
  await until(() => server.peers.peers.get('outer-0') !== firstPeer);
  expect(gone).toEqual(['replaced by a new stream']);
  expect(firstPeer?.up).toBe(false);
  second.close();
});

test('a role that is not allowed never comes up', async () => {
  const server = await serve();
  let ups = 0;
  const stranger = await link({ port: server.port, as: 'stranger', onUp: () => ups++ });
  const outer = await link({ port: server.port });
  await until(() => outer.up);
  expect(stranger.up).toBe(false);
  expect(ups).toBe(0);
  expect([...server.peers.peers.keys()]).toEqual(['outer-0']);
});

test('a frame that trips the handler costs neither the next frame nor the process', async () => {
  const received: string[] = [];
  const server = await serve({
    onFrame(got) {
      if (text(got) === 'bad') throw new Error('bad frame');
      received.push(text(got));
    },
  });
  const outer = await link({ port: server.port });
  await until(() => outer.up);
  for (const n of ['a', 'bad', 'b']) outer.send(frame(n));
  await until(() => received.length === 2);
  expect(received).toEqual(['a', 'b']);
});

test('both ends flush what they took before they close', async () => {
  const there: string[] = [];
  const back: string[] = [];
  const server = await serve({ onFrame: (got) => there.push(text(got)) });
  const outer = await link({ port: server.port, onFrame: (got) => back.push(text(got)) });
  await until(() => outer.up);
  server.peers.send('outer-0', frame('bye'));
  server.peers.peers.get('outer-0')?.close();
  await until(() => back.length === 1);
  await until(() => !outer.up);
  await until(() => outer.up);
  outer.send(frame('bye'));
  outer.close();
  await until(() => there.length === 1);
  await until(() => server.peers.peers.size === 0);
});
