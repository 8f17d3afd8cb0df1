import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { plainAddress } from './address.ts';
import { createAdmission } from './admission.ts';
import type { Address } from './flow.ts';
import { sweepInterval } from './flow-set.ts';
import type { TransportLimits } from './limits.ts';
import type { ListenerOptions } from './listener.ts';

/** Takes TCP connections within the limits; those that need a handshake have halfOpenSeconds for it. */
export interface SocketServer {
  readonly address: string;
  readonly port: number;
  /** The handshake is done on the connection from this address. */
  established(remote: Address): void;
  /** Takes no more connections; those that are there stay. */
  stopListening(): void;
  close(): Promise<void>;
}

export type TakeSocket = (socket: Socket, remote: Address) => void;

interface HalfOpen {
  socket: Socket;
  since: number;
}

export async function openSocketServer(
  options: ListenerOptions,
  limits: TransportLimits,
  take: TakeSocket,
): Promise<SocketServer> {
  const admission = createAdmission(limits, options.admit);
  const halfOpen = new Map<string, HalfOpen>();
  const timer = setInterval(sweep, sweepInterval(limits)).unref();
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, admit);

  function admit(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    // Gone again already.
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const remote = { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
    const verdict = admission.enter(remote);
    if (verdict === true) return enter(socket, remote);
    socket.destroy();
    options.onRefused?.(remote, verdict);
  }

  function enter(socket: Socket, remote: Address): void {
    halfOpen.set(keyOf(remote), { socket, since: performance.now() });
    socket.once('close', () => {
      admission.leave(remote);
      if (halfOpen.get(keyOf(remote))?.socket !== socket) return;
      halfOpen.delete(keyOf(remote));
      options.onRefused?.(remote, 'no handshake');
    });
    take(socket, remote);
  }

  function sweep(): void {
    const start = performance.now() - limits.halfOpenSeconds * 1000;
    for (const { socket, since } of halfOpen.values()) if (since < start) socket.destroy();
  }

  server.listen(options.port, options.address);
  await once(server, 'listening');
  const { address, port } = server.address() as AddressInfo;
  const closed = once(server, 'close');
  return {
    address,
    port,
    established: (remote) => void halfOpen.delete(keyOf(remote)),
    stopListening: () => void server.close(),
    async close() {
      clearInterval(timer);
      server.close();
      for (const { socket } of halfOpen.values()) socket.destroy();
      await closed;
    },
  };
}

function keyOf({ address, port }: Address): string {
  return `${address} ${port}`;
}
