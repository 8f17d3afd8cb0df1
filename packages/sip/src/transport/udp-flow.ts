import { isIPv4 } from 'node:net';
import { hostPort } from './address.ts';
import type { Address, Flow } from './flow.ts';
import type { UdpEndpoint } from './udp-endpoint.ts';

/**
 * Where a datagram came from. Made for each message: nothing is kept per peer, and the id says all there is to make the
 * same flow again.
 */
export class UdpFlow implements Flow {
  readonly remote: Address;
  readonly #endpoint: UdpEndpoint;

  constructor(remote: Address, endpoint: UdpEndpoint) {
    this.remote = remote;
    this.#endpoint = endpoint;
  }

  get id(): string {
    return `${this.#endpoint.idPrefix}udp/${hostPort(this.local)}/${hostPort(this.remote)}`;
  }

  get transport(): 'udp' {
    return 'udp';
  }

  get reliable(): boolean {
    return false;
  }

  get local(): Address {
    return this.#endpoint.local;
  }

  get sentBy(): string {
    return this.#endpoint.sentBy;
  }

  get via(): string {
    return this.#endpoint.via;
  }

  /** Anyone can send from any address. */
  get identity(): string {
    return '';
  }

  set identity(_identity: string) {}

  get closed(): boolean {
    return this.#endpoint.closedBy !== undefined;
  }

  send(bytes: Uint8Array): boolean {
    const { socket, isIPv6, sendQueueBytes } = this.#endpoint;
    if (this.closed || socket.getSendQueueSize() > sendQueueBytes) return false;
    const { address, port } = this.remote;
    // Without a callback Node does not come back for each datagram, and errors of the network are told to nobody.
    try {
      socket.send(bytes, port, isIPv6 && isIPv4(address) ? `::ffff:${address}` : address);
      return true;
    } catch {
      return false;
    }
  }

  /** There is nothing to close: the flow is there as long as its listener. */
  close(_reason: string): void {}

  onClose(listener: (reason: string) => void): () => void {
    const { closedBy, closeListeners } = this.#endpoint;
    if (closedBy !== undefined) queueMicrotask(() => listener(closedBy));
    else closeListeners.add(listener);
    return () => void closeListeners.delete(listener);
  }
}
