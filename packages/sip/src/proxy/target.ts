import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { SipUri } from '../message/uri.ts';
import type { ServerTransaction, TransactionLayer } from '../transaction/transaction.ts';
import type { Flow } from '../transport/flow.ts';

/** One place where a request can go (RFC 3261 16.5). */
export interface Target {
  /** The Request-URI of the copy that goes there. */
  uri: string;
  /**
   * The way there, looked up when the copy is about to be sent. Undefined means that the flow of a binding is gone:
   * the branch ends as 430 (RFC 5626 5.3.1). A rejected promise counts as a transport error; one that never settles keeps
   * the request waiting.
   */
  flow(): Flow | Promise<Flow | undefined> | undefined;
  /** Route values to visit first, such as the Path of a binding (RFC 3327 5.4), each `<sip:…;lr>`. */
  route?: string[];
  /** 0 to 1, absent is 1. Equal values are tried in parallel, higher ones first (RFC 3261 16.6). */
  q?: number;
  /**
   * Targets with the same instance are registrations of one device over several flows: they are never tried at the same
   * time, and a further one only after 430, 408 or a transport error (RFC 5626 7).
   */
  instance?: string;
}

export interface ProxyOptions {
  layer: TransactionLayer;
  /** The token (may be empty) in a URI that this proxy once wrote into Record-Route or Path; undefined when the URI is another's. */
  routeHere(uri: SipUri): string | undefined;
  /** Option tags that may stand in Proxy-Require; none when left out. */
  extensions?: readonly string[];
  /** Request-URI schemes that are not refused with 416; sip, sips and tel when left out. */
  schemes?: readonly string[];
  /** Milliseconds, more than three minutes (RFC 3261 16.6 step 11). */
  timerC?: number;
}

/** Why a request is not proxied, in the parts of the response that says so. */
export interface Refusal {
  status: number;
  reason: string;
  headers: [string, string][];
}

export interface Forwarding {
  transaction: ServerTransaction;
  /**
   * What `prepare` gave back, or a clone of it with changes for all branches. It is copied for each branch and never altered.
   */
  request: SipRequest;
  targets: Target[];
  /** Record-Route values for the copy on this branch, topmost first: two when the ways in and out differ (RFC 5658 5). */
  recordRoutes?(target: Target, flow: Flow): string[];
  /**
   * Has the last word on each response before it goes upstream (RFC 3261 16.7 step 9); gives back what is sent. `own` where
   * no target has answered so, but the proxy itself.
   */
  upstream?(response: SipResponse, own: boolean): SipResponse;
  /** Called once: with the first final response that went upstream, or undefined when none may go (RFC 4320 4.2) or the caller sent one. */
  onFinal?(response: SipResponse | undefined): void;
}

/** A request after RFC 3261 16.4. */
export interface Prepared {
  /** The received request itself when nothing had to change, else a copy: the transaction keeps what was received. */
  request: SipRequest;
  /** Tokens of our own Route values that were taken off, in their order; at most two (RFC 5658 5). */
  tokens: string[];
}

export interface SipProxy {
  /** RFC 3261 16.3. `forward` does the same and answers by itself; this is for callers that want to add to the answer. */
  validate(request: SipRequest): Refusal | undefined;
  /** RFC 3261 16.4. Throws SipError 400 when Route or the Request-URI cannot be read. */
  prepare(request: SipRequest): Prepared;
  /** RFC 3261 16.6 to 16.10: every response, CANCEL and timeout from here on is the proxy's work. */
  forward(forwarding: Forwarding): void;
  /** RFC 3261 16.11 for the ACK of a 2xx, which has no transaction and no answer. */
  relayAck(ack: SipRequest, target: Target): void;
}
