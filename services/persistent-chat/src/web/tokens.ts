// Bearer tokens (RFC 6750): signed, so that each pod takes those of the others without being told of them.
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface TokenOptions {
  key: Buffer;
  seconds: number;
  /**
   * What a user's tokens hang on besides, such as the hash of the password: when it changes they end. Undefined: no such user,
   * or one who may not come in.
   */
  tied(user: string): string | undefined;
  /** Milliseconds since 1970. */
  now?: () => number;
}

export interface Tokens {
  readonly seconds: number;
  /** For a user who has just proved to be it. */
  issue(user: string): string;
  /** Undefined for what is not ours, too old, or of somebody who may not come in any more. */
  verify(token: string): { user: string; expiresAt: number } | undefined;
}

const VERSION = 'pc1';
/** Longer ones are not ours. */
const MOST_CHARACTERS = 1024;

export function createTokens({ key, seconds, tied, now = Date.now }: TokenOptions): Tokens {
  const sign = (claims: string, tie: string) =>
    createHmac('sha256', key).update(`${VERSION}.${claims}.${tie}`).digest();

  return {
    seconds,
    issue(user) {
      const claims = { user, exp: Math.floor(now() / 1000) + seconds };
      const text = Buffer.from(JSON.stringify(claims)).toString('base64url');
      return `${VERSION}.${text}.${sign(text, tied(user) ?? '').toString('base64url')}`;
    },
    verify(token) {
      const [version, text = '', signature = '', more] =
        token.length > MOST_CHARACTERS ? [] : token.split('.');
      const claims = version === VERSION && more === undefined ? claimsOf(text) : undefined;
      const tie = claims && tied(claims.user);
      if (claims === undefined || tie === undefined) return undefined;
      const given = Buffer.from(signature, 'base64url');
      const right = sign(text, tie);
      if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
      const expiresAt = claims.exp * 1000;
      return expiresAt > now() ? { user: claims.user, expiresAt } : undefined;
    },
  };
}

// Read before the signature is checked, since whose password it hangs on stands in it: trusted for nothing until then.
function claimsOf(text: string): { user: string; exp: number } | undefined {
  try {
    const { user, exp } = JSON.parse(Buffer.from(text, 'base64url').toString());
    return typeof user === 'string' && Number.isSafeInteger(exp) ? { user, exp } : undefined;
  } catch {
    return undefined;
  }
}
