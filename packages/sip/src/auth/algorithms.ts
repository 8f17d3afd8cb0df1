import { hash } from 'node:crypto';

export type DigestAlgorithm = 'SHA-256' | 'SHA-512-256' | 'MD5';

// Strongest first. The `-sess` variants are left out on purpose: they let a server forget HA1, which ours keeps anyway.
const hashes: Record<DigestAlgorithm, string> = {
  'SHA-512-256': 'sha512-256',
  'SHA-256': 'sha256',
  MD5: 'md5',
};

export const digestAlgorithms = Object.keys(hashes) as DigestAlgorithm[];

/** Number of hexadecimal digits of its results. */
export function digestLength(algorithm: DigestAlgorithm): number {
  return algorithm === 'MD5' ? 32 : 64;
}

/** Names are compared without case (RFC 3261 7.3.1); undefined when unknown. */
export function findAlgorithm(name: string): DigestAlgorithm | undefined {
  const wanted = name.toUpperCase();
  return digestAlgorithms.find((algorithm) => algorithm === wanted);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are ASCII too
const isAscii = /^[\x00-\x7f]*$/;

/** `text` is header text: one character, one byte. */
export function digestOf(algorithm: DigestAlgorithm, text: string): string {
  // Text is hashed as UTF-8, which is the same for ASCII.
  return hash(hashes[algorithm], isAscii.test(text) ? text : Buffer.from(text, 'latin1'), 'hex');
}

/** H(username:realm:password) over UTF-8 (RFC 7616 3.4.2): all that a server needs to keep of a password. */
export function digestHa1(
  algorithm: DigestAlgorithm,
  username: string,
  realm: string,
  password: string,
): string {
  return hash(hashes[algorithm], `${username}:${realm}:${password}`, 'hex');
}
