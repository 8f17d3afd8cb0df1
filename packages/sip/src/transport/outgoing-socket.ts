import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Address } from './flow.ts';
import { oldestTls } from './tls.ts';

export interface Destination {
  readonly remote: Address;
  /** Whom the certificate has to be for; without it the address. */
  readonly serverName: string | undefined;
}

export interface Opening {
  /** Without it the connection is plain TCP. */
  readonly tls: ConnectionOptions | undefined;
  readonly milliseconds: number;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** Calls `take` with the connected socket, for TLS after the handshake and with the certificate checked. */
export function openSocket<T>(
  destination: Destination,
  opening: Opening,
  take: (socket: Socket) => T,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const socket = start(destination, opening.tls);
  const abort = () => void socket.destroy(new Error('connector closed'));
  const timer = setTimeout(() => socket.destroy(new Error('not connected in time')), opening.milliseconds);
  const closed = () => reject(new Error('closed before it was connected'));
  opening.signal.addEventListener('abort', abort);
  socket.on('error', reject);
  socket.on('close', closed);
  socket.once(opening.tls === undefined ? 'connect' : 'secureConnect', () => {
    clearTimeout(timer);
    opening.signal.removeEventListener('abort', abort);
    resolve(take(socket));
  });
  promise.catch(() => {
    clearTimeout(timer);
    opening.signal.removeEventListener('abort', abort);
  });
  return promise;
}

const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };

function start({ remote, serverName }: Destination, tls: ConnectionOptions | undefined): Socket {
  const { address: host, port } = remote;
  if (tls === undefined) return connectTcp({ ...options, host, port });
  const name = serverName ?? host;
  const servername = isIP(name) === 0 ? name : '';
  return connectTls({ ...oldestTls, ...options, ...tls, host, port, servername });
}
