import { SipError } from '../message/error.ts';
import type { SipRequest } from '../message/request.ts';

/**
 * The address of record of the user whom a request concerns, "sip:bob@contoso.lab": whoever serves this user handles it. Undefined
 * for what is meant for a server, and for what cannot be read.
 */
export function concernedUser(request: SipRequest): string | undefined {
  try {
    const uri = isAboutTo(request) ? request.to.parsedUri : request.parsedUri;
    return uri.user === undefined ? undefined : uri.aor();
  } catch (error) {
    if (error instanceof SipError) return undefined;
    throw error;
  }
}

/**
 * REGISTER names its user in To (RFC 3261 10.2). Within a subscription the Request-URI is our own Contact, and To is whom it was
 * made to (RFC 3261 12.2.1.1).
 */
function isAboutTo(request: SipRequest): boolean {
  if (request.method === 'REGISTER') return true;
  return request.method === 'SUBSCRIBE' && request.to.tag !== undefined;
}
