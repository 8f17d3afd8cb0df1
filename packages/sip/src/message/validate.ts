import { malformed, SipError } from './error.ts';
import type { SipMessage } from './message.ts';
import type { NameAddr } from './name-addr.ts';
import type { SipRequest } from './request.ts';
import type { SipResponse } from './response.ts';

const mandatory = ['from', 'to', 'call-id', 'cseq'];
// RFC 3261 7.3.1: what is no list stands once. These are the ones whose repetition two readers would take differently.
const single = ['max-forwards', 'content-type', 'expires', 'event'];

// Methods of RFC 3261 and its extensions and of [MS-SIPRE]. Only of these is it known that their CSeq is wrong (RFC 4475 3.1.2.18).
const knownMethods = new Set(
  `INVITE ACK BYE CANCEL REGISTER OPTIONS INFO PRACK UPDATE SUBSCRIBE NOTIFY BENOTIFY REFER MESSAGE PUBLISH SERVICE NEGOTIATE`.split(
    ' ',
  ),
);

/**
 * The checks that RFC 3261 16.3 (1, 2) and 8.2 ask of an element before it serves a request. Throws SipError 400, 416 or 501.
 * From tag, branch and Max-Forwards may be missing, as an RFC 2543 peer leaves them out.
 */
export function validateRequest(request: SipRequest): void {
  assertHeaders(request);
  if (request.parsedUri.headers !== undefined) throw malformed('Request-URI: it has headers');
  if (request.via.branch === 'z9hG4bK') throw malformed('via: its branch names no transaction');
  request.maxForwards;
  if (request.cseq.method === request.method) return;
  throw knownMethods.has(request.method)
    ? new SipError(400, 'CSeq Method Does Not Match')
    : new SipError(501, 'Not Implemented');
}

/** A response that this throws for is dropped: nobody can be told (RFC 3261 18.1.2, RFC 4475 3.1.2.5). */
export function validateResponse(response: SipResponse): void {
  assertHeaders(response);
  response.via;
  response.cseq;
}

// RFC 3261 25.1: a tag has a value. Who answers would add a second one to what has none.
function assertTag({ params, tag }: NameAddr, header: string): void {
  if (tag === undefined && params.has('tag')) throw malformed(header);
}

function assertHeaders(message: SipMessage): void {
  for (const name of mandatory) {
    const count = message.count(name);
    if (count !== 1) throw new SipError(400, count === 0 ? `Missing ${name}` : `Repeated ${name}`);
  }
  for (const name of single) if (message.count(name) > 1) throw new SipError(400, `Repeated ${name}`);
  assertTag(message.from, 'from');
  assertTag(message.to, 'to');
  if (/[ \t]/.test(message.callId)) throw malformed('call-id');
}
