import type { SecureContextOptions } from 'node:tls';
import type { SipError } from '../message/error.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { Address, Flow, TransportName } from './flow.ts';
import type { SomeTransportLimits, TransportLimits } from './limits.ts';

/** What listeners and connectors tell; all of it is called from the event loop and must not throw. */
export interface FlowEvents {
  /**
   * A request that passed validateRequest, with `received` and `rport` in its top Via (RFC 3261 18.2.1, RFC 3581),
   * or a response whose Via, From, To, Call-ID and CSeq can be read.
   */
  onMessage(message: SipRequest | SipResponse, flow: Flow): void;
  /** A new connection, after its TLS and WebSocket handshakes. Not called for UDP, where nothing is set up. */
  onFlow?(flow: Flow): void;
  /**
   * The transport answers by itself as far as RFC 3261 lets, with the headers that this gives back, or closes the connection.
   * `error.request` is what could be read of the request that is to be answered.
   */
  onMalformed?(error: SipError, flow: Flow, bytes: Uint8Array): [name: string, value: string][] | undefined;
}

export interface ListenerOptions extends FlowEvents {
  name: string;
  address: string;
  /** 0 takes a free one. */
  port: number;
  /** `host[:port]` for Via; without it the local address. */
  sentBy?: string;
  /** Over UDP: host for the Via of requests in place of that of `sentBy`, since a response may come to another process. */
  viaHost?: string;
  limits?: SomeTransportLimits;
  /** Stands before the id of every flow, so that ids of several processes differ: `frontend-0/`. */
  idPrefix?: string;
  /** Asked for each connection before any handshake, for UDP for each datagram. A reason refuses, without a word to the peer. */
  admit?(remote: Address): true | string;
  /** Hears why a connection was not taken or ended before it became a flow. */
  onRefused?(remote: Address, reason: string): void;
}

export interface TlsListenerOptions extends ListenerOptions {
  tls: SecureContextOptions;
}

export interface WsListenerOptions extends ListenerOptions {
  /** With it the transport is `wss`, without it `ws`. */
  tls?: SecureContextOptions;
}

export interface Listener {
  readonly name: string;
  readonly transport: TransportName;
  readonly address: string;
  /** The real one, also when 0 was asked for. */
  readonly port: number;
  /** Open connections; always empty for UDP. */
  flows(): Iterable<Flow>;
  /** Takes no more connections; those that are open stay. Not for UDP, where nothing tells old peers from new ones. */
  stopListening?(): void;
  /** Closes the listening socket and every flow. */
  close(): Promise<void>;
  /** New certificates for handshakes from now on; only where there is TLS. Throws what node:tls throws for bad ones. */
  setTls?(context: SecureContextOptions): void;
  /** New bounds for all connections, also those that are open; not for what one message may hold. */
  setLimits?(limits: Partial<Omit<TransportLimits, 'message'>>): void;
  /** UDP only: the flow to an address, with the id that it had before a restart too. */
  flowTo?(remote: Address): Flow;
}
