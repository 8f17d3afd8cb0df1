import type { SipUri } from './uri.ts';

// RFC 3261 19.1.4: these differ even when only one URI has them.
const decisive = ['user', 'ttl', 'method', 'maddr', 'transport'];
const unreserved = /^[A-Za-z0-9\-_.!~*'()]$/;

/**
 * Text with only those escapes that matter, so that equal parts of URIs are equal text. A reserved character is not the
 * same as its escape, and nothing is unescaped twice (RFC 3261 19.1.4, RFC 4475 3.1.1.3).
 */
export function canonicalEscapes(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9a-fA-F]{2})/g, (escaped, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return unreserved.test(character) ? character : escaped.toUpperCase();
  });
}

export function sameUri(a: SipUri, b: SipUri): boolean {
  return (
    a.scheme === b.scheme &&
    sameText(a.user, b.user) &&
    sameText(a.password, b.password) &&
    a.host.toLowerCase() === b.host.toLowerCase() &&
    a.port === b.port &&
    sameParams(a.params, b.params) &&
    sameHeaders(a.headers, b.headers)
  );
}

function sameText(a: string | undefined, b: string | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && canonicalEscapes(a) === canonicalEscapes(b));
}

type UriParams = ReadonlyMap<string, string | undefined>;

function sameParams(a: UriParams, b: UriParams): boolean {
  if (decisive.some((name) => a.has(name) !== b.has(name))) return false;
  for (const [name, value] of a) {
    if (b.has(name) && withoutCase(value) !== withoutCase(b.get(name))) return false;
  }
  return true;
}

function withoutCase(value: string | undefined): string {
  return canonicalEscapes(value ?? '').toLowerCase();
}

function sameHeaders(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && sortedHeaders(a) === sortedHeaders(b);
}

function sortedHeaders(headers: string): string {
  const pairs = headers.split('&').map((pair) => {
    const [name, ...value] = pair.split('=');
    return `${withoutCase(name)}=${canonicalEscapes(value.join('='))}`;
  });
  return pairs.sort().join('&');
}
