import type { SipRequest, SipResponse } from '@linchpin/sip';

const proven = 'P-Asserted-Identity';
/** What an endpoint says of an identity is worth nothing to another (RFC 3325 5 and 6). */
const claims = [proven.toLowerCase(), 'p-preferred-identity', 'remote-party-id'];

/** Alters the message given. */
export function dropClaims(message: SipRequest | SipResponse): void {
  for (const name of claims) if (message.has(name)) message.delete(name);
}

/** Puts what was proved in place of what is claimed, unless the sender asks to keep it from others (RFC 3325 7). */
export function assertIdentity(request: SipRequest, identity: string): void {
  const isPrivate = request.getAll('privacy').some((value) => /(^|[;,\s])id($|[;,\s])/i.test(value));
  dropClaims(request);
  if (!isPrivate) request.set(proven, `<${identity}>`);
}
