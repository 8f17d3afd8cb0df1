import type { PeerCertificate } from 'node:tls';

/** Any server call of grpc-js. */
export interface AuthenticatedCall {
  getAuthContext(): { sslPeerCertificate?: PeerCertificate };
}

/** The role that the caller's certificate proves; undefined for none or more than one. */
export function callerRole(_call: AuthenticatedCall): string | undefined {
  throw new Error('not built yet');
}
