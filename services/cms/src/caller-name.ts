import type { AuthenticatedCall } from '@linchpin/host';

/** For the record of who published: the common name in the caller's certificate. */
export function callerName(call: AuthenticatedCall): string {
  const name = call.getAuthContext().sslPeerCertificate?.subject?.CN;
  return (Array.isArray(name) ? name[0] : name) ?? 'unnamed';
}
