// One address for many pods, as a Kubernetes Service is: new connections and new UDP peers go to the next pod that is ready.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Balancer {
  readonly port: number;
  /** Ports of 127.0.0.1 that new connections go to; those there are stay where they are. */
  setTargets(ports: readonly number[]): void;
  close(): void;
}

function inTurn(): {
  next(): number | undefined;
  set(ports: readonly number[]): void;
  has(port: number): boolean;
} {
  let targets: readonly number[] = [];
  let at = 0;
  return {
    next: () => targets[at++ % targets.length],
    set: (ports) => {
      targets = ports;
    },
    has: (port) => targets.includes(port),
  };
}

export async function createTcpBalancer(): Promise<Balancer> {
  const targets = inTurn();
  const sockets = new Set<Socket>();

  const server = createServer({ noDelay: true, allowHalfOpen: true }, (inner) => {
    const port = targets.next();
    inner.on('error', () => {});
    if (port === undefined) return void inner.resetAndDestroy();
    const outer = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      // As a packet filter would pass it: a reset is a reset.
      from.on('error', () => to.resetAndDestroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroySoon();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    setTargets: targets.set,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A peer stays with its pod as long as that is ready, as connection tracking has it. */
export async function createUdpBalancer(): Promise<Balancer> {
  const targets = inTurn();
  const peers = new Map<number, { socket: UdpSocket; target: number | undefined }>();
  const front = createSocket('udp4');
  front.bind(0, '127.0.0.1');
  await once(front, 'listening');

  function peerAt(port: number): { socket: UdpSocket; target: number | undefined } {
    const known = peers.get(port);
    if (known !== undefined) return known;
    const socket = createSocket('udp4');
    socket.on('message', (bytes) => front.send(bytes, port, '127.0.0.1'));
    socket.on('error', () => {});
    const peer = { socket, target: targets.next() };
    peers.set(port, peer);
    return peer;
  }

  front.on('message', (bytes, { port }) => {
    const peer = peerAt(port);
    if (peer.target === undefined || !targets.has(peer.target)) peer.target = targets.next();
    if (peer.target !== undefined) peer.socket.send(bytes, peer.target, '127.0.0.1');
  });
  front.on('error', () => {});
  return {
    port: front.address().port,
    setTargets: targets.set,
    close() {
      front.close();
      for (const { socket } of peers.values()) socket.close();
    },
  };
}
