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
  const mac = (text: string) => createHmac('sha256', key).update(text).digest().subarray(0, macBytes);
  return {
    make(payload) {
      const text = Buffer.from(payload).toString('base64url');
      return `${text}.${mac(text).toString('base64url')}`;
    },
    check(token) {
      const [text, signature, ...rest] = token.split('.');
      if (text === undefined || signature === undefined || rest.length > 0) return undefined;
      const given = Buffer.from(signature, 'base64url');
      if (given.length !== macBytes || !timingSafeEqual(given, mac(text))) return undefined;
      return Buffer.from(text, 'base64url').toString();
    },
  };
}
