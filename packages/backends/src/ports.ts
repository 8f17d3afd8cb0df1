import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Whether this TCP port cannot be listened on, mostly because another program does. */
export function portBusy(port: number, address = '127.0.0.1'): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(true));
    probe.listen({ port, host: address, exclusive: true }, () => probe.close(() => resolve(false)));
  });
}

function udpPortBusy(port: number): Promise<boolean> {
  const probe = createSocket('udp4');
  return new Promise((resolve) => {
    probe.once('error', () => resolve(true));
    probe.bind({ port, address: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(false)));
  });
}

/**
 * Below those that Linux gives to clients and to whoever asks for any port (from 32,768; IANA names 49,152): somebody else would have
 * it before it is used. FreeBSD begins at 10,000, so there it can happen. Whole systems of tests stay below 20,000.
 */
const ALL = { first: 20_000, count: 10_000 };
/** Vitest counts its workers from 1. Each has ports of its own, or two would be given the same one before either listens there. */
const SHARES = 8;
const share = Number(process.env.VITEST_POOL_ID ?? 0) % SHARES;
const COUNT = ALL.count / SHARES;
const FIRST = ALL.first + share * COUNT;
const given = new Set<number>();

/** A port of 127.0.0.1 that was free a moment ago for TCP and UDP, another one with each call. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < COUNT; tries++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (given.has(port)) continue;
    given.add(port);
    if (!(await portBusy(port)) && !(await udpPortBusy(port))) return port;
  }
  throw new Error(`no port from ${FIRST} to ${FIRST + COUNT - 1} is free on 127.0.0.1`);
}
