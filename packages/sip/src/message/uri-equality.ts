import type { SipUri } from './uri.ts';

// RFC 3261 19.1.4: these differ even when only one URI has them.
const decisive = ['user', 'ttl', 'method', 'maddr', 'transport'];
const plainUser = /^[A-Za-z0-9\-_.!~*'()&=+$,;?/]$/;

/** The user part with only those escapes that are needed, so that equal users have equal text. */
export function canonicalUser(user: string): string {
  if (!user.includes('%')) return user;
  return user.replace(/%([0-9a-fA-F]{2})/g, (escaped, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return plainUser.test(character) ? character : escaped.toUpperCase();
  });
}

function unescaped(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
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
  return a === b || (a !== undefined && b !== undefined && unescaped(a) === unescaped(b));
}

type UriParams = ReadonlyMap<string, string | undefined>;

function sameParams(a: UriParams, b: UriParams): boolean {
  if (decisive.some((name) => a.has(name) !== b.has(name))) return false;
  for (const [name, value] of a) {
    if (b.has(name) && lowered(value) !== lowered(b.get(name))) return false;
  }
  return true;
}

function lowered(value: string | undefined): string {
  return unescaped(value ?? '').toLowerCase();
}

function sameHeaders(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return sortedHeaders(a) === sortedHeaders(b);
}

function sortedHeaders(headers: string): string {
  const pairs = headers.split('&').map((pair) => {
    const [name = '', ...value] = pair.split('=');
    return `${unescaped(name).toLowerCase()}=${unescaped(value.join('='))}`;
  });
  return pairs.sort().join('&');
}
