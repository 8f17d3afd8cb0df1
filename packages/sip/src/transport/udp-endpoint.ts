import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns';
import { once } from 'node:events';
import { isIP, isIPv6 } from 'node:net';
import { hostPort, reachableAddress } from './address.ts';
import type { Address } from './flow.ts';

/** The socket of a UDP listener with what its flows have in common. */
export interface UdpEndpoint {
  readonly socket: Socket;
  readonly isIPv6: boolean;
  readonly local: Address;
  readonly sentBy: string;
  readonly via: string;
  readonly idPrefix: string;
  /** Datagrams that the kernel does not take yet are held up to this. */
  readonly sendQueueBytes: number;
  readonly closeListeners: Set<(reason: string) => void>;
  closedBy: string | undefined;
}

export interface EndpointOptions extends Address {
  sentBy?: string;
  viaHost?: string;
  idPrefix?: string;
}

// Bursts of retransmissions are larger than what kernels hold by default; they give as much as they are allowed to.
const receiveBufferBytes = 4 * 1024 * 1024;

export async function openEndpoint(options: EndpointOptions, sendQueueBytes: number): Promise<UdpEndpoint> {
  const type = isIPv6(options.address) ? 'udp6' : 'udp4';
  const socket = createSocket({ type, lookup: lookUp, recvBufferSize: receiveBufferBytes });
  // With `lookUp` below, an address is bound before `bind` returns.
  const listening = once(socket, 'listening');
  socket.bind(options.port, options.address);
  await listening;
  // What is sent to an unreachable address comes back as an error of the socket.
  socket.on('error', () => {});
  const { address, port } = socket.address();
  const { sentBy = hostPort({ address: reachableAddress(address), port }), viaHost } = options;
  return {
    socket,
    isIPv6: type === 'udp6',
    local: { address, port },
    sentBy,
    via: viaHost === undefined ? sentBy : `${viaHost}${/:\d+$/.exec(sentBy)?.[0] ?? ''}`,
    idPrefix: options.idPrefix ?? '',
    sendQueueBytes,
    closeListeners: new Set(),
    closedBy: undefined,
  };
}

export async function closeEndpoint(endpoint: UdpEndpoint): Promise<void> {
  if (endpoint.closedBy !== undefined) return;
  const reason = 'listener closed';
  endpoint.closedBy = reason;
  const closed = once(endpoint.socket, 'close');
  endpoint.socket.close();
  for (const listener of endpoint.closeListeners) listener(reason);
  endpoint.closeListeners.clear();
  await closed;
}

// Node asks for each datagram that is sent, and without this goes through another turn of the event loop for it.
const lookUp: typeof lookup = ((host: string, options: object, done: LookedUp) => {
  const family = isIP(host);
  if (family === 0) lookup(host, options, done);
  else done(null, host, family);
}) as never;

type LookedUp = (error: NodeJS.ErrnoException | null, address: string, family: number) => void;
