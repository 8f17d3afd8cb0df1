import { createHmac, randomBytes } from 'node:crypto';
import type { SipRequest } from '../message/request.ts';

const secret = randomBytes(32);

/**
 * RFC 3261 8.2.7: who answers without state gives every copy of a request the same To tag. Other than a random one it cannot
 * tell copies apart by itself, so it is made of what they have in common.
 */
export function statelessTag(request: SipRequest): string {
  const { via, callId, cseq } = request;
  return createHmac('sha256', secret)
    .update(`${via} ${callId} ${cseq.seq} ${request.from.tag}`)
    .digest('hex')
    .slice(0, 16);
}
