import { type DigestCredentials, digestHa1, parseDigest, type SipRequest, verifyDigest } from '@linchpin/sip';
import type { CredentialSpec, EffectiveUser } from '@linchpin/topology';

/** RFC 3261 22.2 and 22.3: a registrar answers for itself, everything else for the domain as its proxy. */
export const isRegistration = (request: SipRequest): boolean => request.method === 'REGISTER';

/** What the client answered to a challenge of ours: others, and algorithms that are not offered (any more), do not count. */
export function credentialsFor(
  request: SipRequest,
  realm: string,
  algorithms: readonly string[],
): DigestCredentials | undefined {
  for (const value of request.getAll(isRegistration(request) ? 'authorization' : 'proxy-authorization')) {
    const credentials = parseDigest(value);
    if (credentials?.realm === realm && algorithms.includes(credentials.algorithm)) return credentials;
  }
  return undefined;
}

/** An account that does not exist is checked against this, so that it takes as long. */
const nobody = digestHa1('SHA-256', 'nobody', 'nowhere', crypto.randomUUID());

export function passwordFits(
  request: SipRequest,
  credentials: DigestCredentials,
  user: EffectiveUser | undefined,
): boolean {
  const ha1 = user?.credential && hashOf(user.credential, credentials);
  const subject = { method: request.method, ha1: ha1 ?? nobody, body: request.body };
  return verifyDigest(credentials, subject) && ha1 !== undefined;
}

/** Compares, since a name out of a message that is used as a key has to be entered into the engine's table of names first. */
function hashOf({ digest }: CredentialSpec, { username, algorithm }: DigestCredentials): string | undefined {
  for (const name in digest) if (name === username) return digest[name]?.[algorithm];
  return undefined;
}

/** RFC 3261 22.3: they were for this server, the next one has no business with them. */
export function withoutCredentials(request: SipRequest, isOurs: (realm: string) => boolean): SipRequest {
  if (!request.has('proxy-authorization')) return request;
  const others = request.getAll('proxy-authorization').filter((value) => !isOurs(realmOf(value)));
  const copy = request.clone();
  copy.delete('proxy-authorization');
  for (const value of others) copy.append('Proxy-Authorization', value);
  return copy;
}

/** Of what cannot be read, the empty one. */
function realmOf(value: string): string {
  try {
    return parseDigest(value)?.realm ?? '';
  } catch {
    return '';
  }
}
