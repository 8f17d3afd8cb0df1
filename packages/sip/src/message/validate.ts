import { SipError } from './error.ts';
import type { SipRequest } from './request.ts';

// RFC 3261 8.1.1: every request has these, once.
const single = ['from', 'to', 'call-id', 'cseq', 'max-forwards'];

/** The checks that RFC 3261 16.3 and 8.2 ask of an element before it serves a request. */
export function validateRequest(request: SipRequest): void {
  for (const name of single) assertSingle(request, name);
  request.parsedUri;
  request.vias;
  request.from;
  request.to;
  request.maxForwards;
  if (request.callId.includes(' ')) throw new SipError(400, 'Malformed call-id');
  if (request.cseq.method !== request.method) throw new SipError(400, 'CSeq Method Does Not Match');
}

function assertSingle(request: SipRequest, name: string): void {
  const count = request.getAll(name).length;
  if (count > 1) throw new SipError(400, `Repeated ${name}`);
  if (count === 0 && name !== 'max-forwards') throw new SipError(400, `Missing ${name}`);
}
