import { digestOf } from './algorithms.ts';
import { isSameText } from './constant-time.ts';
import type { DigestCredentials } from './credentials.ts';

/** What a request's digest is computed over, besides what the credentials say themselves. */
export interface DigestSubject {
  method: string;
  /** Hexadecimal, of the credentials' algorithm and user. */
  ha1: string;
  /** Of importance with `auth-int` only. */
  body?: Uint8Array;
}

type Hashed = Omit<DigestCredentials, 'response' | 'username' | 'realm' | 'ncCount' | 'opaque' | 'userhash'>;

/**
 * RFC 7616 3.4.1. The uri counts as sent: proxies rewrite the Request-URI that it was taken from (RFC 3261 22.4).
 * Whether the nonce is ours is for `Nonces` to say.
 */
export function digestResponse(credentials: Hashed, subject: DigestSubject): string {
  const { algorithm, nonce, nc, cnonce, qop } = credentials;
  const ha2 = digestOf(algorithm, hashedRequest(credentials, subject));
  const middle = qop === undefined ? nonce : `${nonce}:${nc}:${cnonce}:${qop}`;
  return digestOf(algorithm, `${subject.ha1}:${middle}:${ha2}`);
}

/** In constant time for all responses of one length. */
export function verifyDigest(credentials: DigestCredentials, subject: DigestSubject): boolean {
  return isSameText(digestResponse(credentials, subject), credentials.response);
}

function hashedRequest({ algorithm, uri, qop }: Hashed, { method, body }: DigestSubject): string {
  if (qop !== 'auth-int') return `${method}:${uri}`;
  return `${method}:${uri}:${digestOf(algorithm, Buffer.from(body ?? []).toString('latin1'))}`;
}
