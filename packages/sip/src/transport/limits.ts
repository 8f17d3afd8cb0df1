import { defaultLimits, type MessageLimits } from '../message/limits.ts';

/** Bounds on everything that a peer controls. Times are in seconds, and may be fractions. */
export interface TransportLimits {
  /** Open connections, half-open ones included. */
  connections: number;
  /** Open connections from one address; many clients may share one behind a NAT. */
  connectionsPerSource: number;
  /** TLS and WebSocket handshakes, and the first whole message: each has this long. */
  halfOpenSeconds: number;
  /** A connection without a message or ping for so long is closed. RFC 3261 18 asks for 64*T1 at least. */
  idleSeconds: number;
  /** From the first byte of a message to its last. */
  messageSeconds: number;
  /** Bytes that wait for a peer which reads slowly; above it the connection is closed. */
  sendQueueBytes: number;
  /** Messages of one connection that are handled before others have their turn. */
  messagesPerTurn: number;
  message: MessageLimits;
}

export const defaultTransportLimits: TransportLimits = {
  connections: 20_000,
  connectionsPerSource: 512,
  halfOpenSeconds: 10,
  idleSeconds: 900,
  messageSeconds: 20,
  sendQueueBytes: 1024 * 1024,
  messagesPerTurn: 32,
  message: defaultLimits,
};

/** What may be left out where a listener is made. */
export type SomeTransportLimits = Partial<Omit<TransportLimits, 'message'>> & {
  message?: Partial<MessageLimits>;
};

export function completeLimits(some: SomeTransportLimits = {}): TransportLimits {
  return { ...defaultTransportLimits, ...some, message: { ...defaultLimits, ...some.message } };
}
