import type { SipRequest } from '../message/request.ts';

/**
 * What all copies of a request have in common that reached this user agent server over several ways, as after a fork
 * (RFC 3261 8.2.2.2). Undefined inside of a dialog, where a request cannot be merged.
 */
export function mergeKey(request: SipRequest): string | undefined {
  if (request.to.tag !== undefined) return undefined;
  const { seq, method } = request.cseq;
  return `${request.callId} ${seq} ${method} ${request.from.tag}`;
}

/** True when `request` is another copy of one that is being served, and to be answered with 482. */
export function isMerged(request: SipRequest, served: Iterable<SipRequest>): boolean {
  const key = mergeKey(request);
  if (key === undefined) return false;
  for (const other of served) if (other !== request && isOtherCopy(request, other, key)) return true;
  return false;
}

function isOtherCopy(request: SipRequest, other: SipRequest, key: string): boolean {
  return mergeKey(other) === key && String(other.via) !== String(request.via);
}
