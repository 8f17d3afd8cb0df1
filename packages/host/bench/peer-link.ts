import { setImmediate as turn } from 'node:timers/promises';
import type { PeerLink } from '../src/peer-link.ts';
import { createCertificates } from '../test/certificates.ts';
import type { TestFrame } from '../test/frames.ts';
import { openLink, startFrameServer } from '../test/peers.ts';

export interface Measurement {
  name: string;
  perSecond: number;
}

const FRAMES = 200_000;
const ROUND_TRIPS = 60_000;
const IN_FLIGHT = 256;
// One kind is counted at the far end, the other comes back.
const oneWay: TestFrame = { message: Buffer.alloc(600, 'x') };
const echoed: TestFrame = { message: Buffer.alloc(601, 'x') };

/** Frames of 600 bytes over mutual TLS. Both ends share this process: apart, each has its own core. */
export async function run(): Promise<Measurement[]> {
  await using certificates = await createCertificates();
  let received = 0;
  let onEcho = () => {};
  const server = await startFrameServer(certificates, {
    onFrame(frame, peer) {
      if (frame.message.length === echoed.message.length) peer.send(frame);
      else received++;
    },
  });
  const up = Promise.withResolvers<void>();
  const link = await openLink(certificates, {
    port: server.port,
    onUp: up.resolve,
    onFrame: () => onEcho(),
  });
  await up.promise;

  async function sendAll(): Promise<void> {
    received = 0;
    for (let sent = 0; sent < FRAMES; ) {
      if (link.send(oneWay)) sent++;
      else await turn();
    }
    while (received < FRAMES) await turn();
  }

  const bounceAll = () =>
    new Promise<void>((resolve) => {
      let returned = 0;
      onEcho = () => {
        if (++returned === ROUND_TRIPS) resolve();
        else if (returned <= ROUND_TRIPS - IN_FLIGHT) link.send(echoed);
      };
      for (let i = 0; i < IN_FLIGHT; i++) link.send(echoed);
    });

  const results = [
    await measure('peer link, frames one way', FRAMES, sendAll),
    await measure(`peer link, round trips with ${IN_FLIGHT} in flight`, ROUND_TRIPS, bounceAll),
    await measure('peer link, round trips one by one', ROUND_TRIPS / 20, () => bounceSerially(link)),
  ];
  link.close();
  await server.stop();
  return results;

  function bounceSerially(to: PeerLink<TestFrame>): Promise<void> {
    return new Promise((resolve) => {
      let left = ROUND_TRIPS / 20;
      onEcho = () => {
        if (--left === 0) resolve();
        else to.send(echoed);
      };
      to.send(echoed);
    });
  }
}

async function measure(name: string, count: number, work: () => Promise<void>): Promise<Measurement> {
  const begin = performance.now();
  await work();
  return { name, perSecond: Math.round((count * 1000) / (performance.now() - begin)) };
}

if (import.meta.main) console.table(await run());
