// What is kept of a password: the hashes that a digest answer is checked with, never the password.
import { digestHa1 } from '@linchpin/sip';
import type { CredentialSpec } from '@linchpin/topology';

export type Digest = CredentialSpec['digest'];

/**
 * RFC 7616 3.4.2: H(username:realm:password). Clients send the user's name with or without the domain as username,
 * and the realm is the SIP domain, so there is one set of hashes for each form.
 */
export function deriveDigest(user: string, password: string): Digest {
  const [local = '', realm = ''] = user.split('@');
  const hashes = (username: string) => ({
    MD5: digestHa1('MD5', username, realm, password),
    'SHA-256': digestHa1('SHA-256', username, realm, password),
    'SHA-512-256': digestHa1('SHA-512-256', username, realm, password),
  });
  return { [local]: hashes(local), [user]: hashes(user) };
}
