import { createHmac, timingSafeEqual } from 'node:crypto';

/** 96 bits: the flow of a dialog is worth guarding for as long as the dialog lives, and the URI should stay short. */
const macBytes = 12;

/**
 * Tokens for the user part of the proxy's own Record-Route and Path URIs (RFC 5626 5.2): whoever gets one can read the payload
 * and hand it back, but cannot make another. The same payload and key give the same token, so every process that has the key
 * can check it.
 */
export interface RouteTokens {
  make(payload: string): string;
  /** The payload, or undefined for what was not made with this key. */
  check(token: string): string | undefined;
}

export function createRouteTokens(key: Uint8Array): RouteTokens {
  const sign = (text: string) =>
    createHmac('sha256', key).update(text).digest().subarray(0, macBytes).toString('base64url');
  return {
    make(payload) {
      const text = Buffer.from(payload).toString('base64url');
      return `${text}.${sign(text)}`;
    },
    check(token) {
      const dot = token.lastIndexOf('.');
      if (dot < 0) return undefined;
      const text = token.slice(0, dot);
      return isEqual(token.slice(dot + 1), sign(text))
        ? Buffer.from(text, 'base64url').toString()
        : undefined;
    },
  };
}

/** As text, since base64 has many spellings for the same bytes; in constant time. */
function isEqual(given: string, signature: string): boolean {
  const bytes = Buffer.from(given);
  return bytes.length === signature.length && timingSafeEqual(bytes, Buffer.from(signature));
}
