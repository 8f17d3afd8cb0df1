import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { Flow } from '../transport/flow.ts';
import type { Clock } from './clock.ts';
import type { TimerValues } from './timer-values.ts';

export type TransactionFailure = 'timeout' | 'transport';

export interface ServerTransaction {
  readonly request: SipRequest;
  readonly flow: Flow;
  /**
   * Sends, and keeps the answer for retransmissions. After a final response only further 2xx of an INVITE go out
   * (RFC 6026 7.1). What RFC 4320 forbids for non-INVITE (1xx but 100, an early 100 on UDP, 408) is dropped.
   */
  respond(response: SipResponse): void;
  /** True from the final response on. */
  readonly finished: boolean;
  /** A CANCEL for this INVITE came, and got its 200; to answer the INVITE with 487 is left to the listener. */
  onCancel(listener: (cancel: SipRequest) => void): void;
  /** No ACK came for a final response (timer H), or a response could not be sent. */
  onError(listener: (kind: TransactionFailure) => void): void;
}

export interface ClientTransaction {
  /** With the Via of this transaction on top. */
  readonly request: SipRequest;
  readonly flow: Flow;
  /** INVITE only: sends CANCEL, after the first 1xx (RFC 3261 9.1). Nothing once a final response is there. */
  cancel(): void;
}

export interface ClientHandlers {
  /** Every 1xx, one final response, and each further 2xx of an INVITE. */
  onResponse(response: SipResponse): void;
  /** Instead of a final response; nothing follows. */
  onError(kind: TransactionFailure): void;
}

export interface TransactionLayerOptions {
  onRequest(request: SipRequest, flow: Flow): void;
  /** ACK of a 2xx, or one that matches no transaction (as after a stateless answer). */
  onAck(ack: SipRequest, flow: Flow): void;
  /** A CANCEL without a transaction here. True when somebody else answers it; else it gets 481. */
  onCancel?(cancel: SipRequest, flow: Flow): boolean;
  /** A response without a transaction. It must not be forwarded (RFC 6026 7.3, RFC 4320 4.2). */
  onStray?(response: SipResponse, flow: Flow): void;
  timers?: Partial<TimerValues>;
  clock?: Clock;
  limits?: Partial<ServerLimits>;
}

/** Above these, new requests get 503 until older transactions have ended. */
export interface ServerLimits {
  /** Server transactions; on UDP each lasts half a minute at least. */
  transactions: number;
  /** Bytes of answers kept for retransmissions. */
  bytes: number;
}

export const defaultServerLimits: ServerLimits = { transactions: 200_000, bytes: 256 * 1024 * 1024 };

export interface TransactionLayer {
  /** Matches retransmissions, ACK, CANCEL and responses. Never throws: what has no readable Via or CSeq is dropped. */
  receive(message: SipRequest | SipResponse, flow: Flow): void;
  /** Takes state for a request from onRequest; call it before anything asynchronous, or a retransmission comes up again. */
  accept(request: SipRequest, flow: Flow, options?: AcceptOptions): ServerTransaction;
  /** A stateless answer: the request is forgotten. */
  reply(request: SipRequest, flow: Flow, response: SipResponse): void;
  /**
   * Adds the Via to the request and sends it. Errors come later, never from inside this call. A proxy gives its own branch,
   * in which it finds loops again (RFC 3261 16.6 step 8); else it is a new one.
   */
  request(request: SipRequest, flow: Flow, handlers: ClientHandlers, branch?: string): ClientTransaction;
  /**
   * Adds the Via to the request and sends it without state: ACK of a 2xx. False when it did not go out. A stateless proxy
   * gives the branch, so that a retransmission gets the same (RFC 3261 16.11).
   */
  send(request: SipRequest, flow: Flow, branch?: string): boolean;
  stats(): { server: number; client: number };
  /** The flow of each transaction that waits for its final answer. It looks at all of them: not for each message. */
  underWay(): Iterable<Flow>;
  /** Forgets all transactions, silently. */
  close(): void;
}

export interface AcceptOptions {
  /** False when the answer to an INVITE is sure to come within 200 ms, so that no timer for 100 is needed. */
  trying?: boolean;
  /** Told of the final response as it goes out, of an INVITE also of each further 2xx: whoever keeps it can give it once more. */
  onFinal?(response: Buffer): void;
}
