import type { PeerCertificate } from 'node:tls';

const ROLE_DOMAIN = '.linchpin.internal';

/** The name in the certificate of a role, and the name that its callers verify. */
export const roleName = (role: string): string => `${role}${ROLE_DOMAIN}`;

/** Any server call of grpc-js. */
export interface AuthenticatedCall {
  getAuthContext(): { sslPeerCertificate?: PeerCertificate };
}

// Asking TLS for the certificate costs 40 us; guard and handler both want the role.
const roles = new WeakMap<AuthenticatedCall, string | undefined>();

/** The role that the caller's certificate proves; undefined for none or more than one. */
export function callerRole(call: AuthenticatedCall): string | undefined {
  if (!roles.has(call)) roles.set(call, certifiedRole(call));
  return roles.get(call);
}

function certifiedRole(call: AuthenticatedCall): string | undefined {
  const names = dnsNames(call.getAuthContext().sslPeerCertificate?.subjectaltname ?? '');
  const found = names.filter((name) => name.endsWith(ROLE_DOMAIN));
  const [role] = found.map((name) => name.slice(0, -ROLE_DOMAIN.length));
  return found.length === 1 && role !== '' ? role : undefined;
}

// Node writes `DNS:a, IP Address:127.0.0.1`; a value with a comma or quote in it comes as a JSON string,
// so that splitting at commas alone would let a certificate forge names (CVE-2021-44532).
const ENTRY = /(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)/g;

function dnsNames(subjectAltName: string): string[] {
  return [...subjectAltName.matchAll(ENTRY)]
    .filter(([, kind, value]) => kind === 'DNS' && value !== undefined && !value.startsWith('"'))
    .map(([, , value]) => (value as string).toLowerCase());
}
