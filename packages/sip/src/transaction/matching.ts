import { SipError } from '../message/error.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { Via } from '../message/via.ts';
import type { Flow } from '../transport/flow.ts';

const cookie = 'z9hG4bK';

/** Whether the top Via's branch alone names the transaction; clients of RFC 2543 have no such branch. */
export function hasUniqueBranch(request: SipRequest): boolean {
  return request.via.branch?.startsWith(cookie) ?? false;
}

/** 'I' for INVITE with its ACK and CANCEL, 'O' for all others. */
export type Kind = 'I' | 'O';

export function kindOf(method: string): Kind {
  return method === 'INVITE' ? 'I' : 'O';
}

/**
 * What two requests of the same server transaction have in common (RFC 3261 17.2.3), but for the method. The address that it
 * came from is part of it: whoever is further downstream knows branch and sent-by as well, and must not cancel for the client.
 * Throws SipError when the Via cannot be read.
 */
export function serverKey(request: SipRequest, flow: Flow, kind: Kind): string {
  const { via } = request;
  if (!hasUniqueBranch(request)) return legacyKey(request, flow, kind, request.to.tag);
  return `${kind} ${via.branch} ${via.host}:${via.port} ${flow.remote.address}`;
}

/** RFC 3261 17.2.3 for clients without the cookie; `toTag` is that of the request which made the transaction. */
export function legacyKey(request: SipRequest, flow: Flow, kind: Kind, toTag: string | undefined): string {
  const { uri, from, callId, cseq, via } = request;
  return [kind, uri, toTag, from.tag, callId, cseq.seq, via, flow.remote.address].join(' ');
}

/** RFC 3261 17.1.3. */
export function clientKey(branch: string | undefined, method: string): string {
  return `${branch} ${method}`;
}

export function clientKeyOf(response: SipResponse): string {
  return clientKey(response.via.branch, response.cseq.method);
}

/** RFC 3261 18.1.2: a response to a request of ours has our sent-by. */
export function sentByOf(via: Via): string {
  const host = via.host.toLowerCase();
  return via.port === undefined ? host : `${host}:${via.port}`;
}

/** Whether all headers that matching and answering need are there and can be read. */
export function isMatchable(message: SipRequest | SipResponse): boolean {
  try {
    message.via;
    message.cseq;
    message.from;
    message.to;
    message.callId;
    return true;
  } catch (error) {
    if (error instanceof SipError) return false;
    throw error;
  }
}
