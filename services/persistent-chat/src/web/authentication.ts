// Who asks: HTTP Digest (RFC 7616) with the password's hashes of the configuration, or a token that was given for it.
import type { IncomingMessage } from 'node:http';
import type { Attempts, TooMany } from '@linchpin/host';
import {
  type DigestAlgorithm,
  type DigestCredentials,
  digestChallenges,
  digestHa1,
  type Nonces,
  parseDigest,
  type SipError,
  verifyDigest,
} from '@linchpin/sip';
import type { Directory, EffectiveUser } from '@linchpin/topology';
import { WebError } from './problem.ts';
import { originForm } from './target.ts';
import type { Tokens } from './tokens.ts';

/** Who somebody has proved to be. */
export interface Identity {
  /** `alice@contoso.lab` */
  user: string;
  by: 'digest' | 'bearer';
  /** Of the token, in ms since 1970. */
  expiresAt?: number;
}

export interface AuthenticationParts {
  directory: Pick<Directory, 'user' | 'registrar'>;
  /** The realm. */
  domain: string;
  nonces: Nonces;
  tokens: Pick<Tokens, 'verify'>;
  attempts: Attempts;
}

export interface Authentication {
  /** Rejects with 401 and its challenges, 403, or 429 after too many wrong passwords. */
  identify(request: IncomingMessage, source: string, digestOnly: boolean): Identity;
  /** Whether somebody who was let in would be let in now. */
  isAllowed(user: string): boolean;
}

/** Those that the configuration allows, in this order: most programs take the first challenge, whether they know it or not. */
const preferred: DigestAlgorithm[] = ['SHA-256', 'MD5', 'SHA-512-256'];
/** An account that does not exist is checked against this, so that it takes as long. */
const nobody = digestHa1('SHA-256', 'nobody', 'nowhere', crypto.randomUUID());

export function createAuthentication(parts: AuthenticationParts): Authentication {
  const { directory, domain, nonces, tokens, attempts } = parts;

  const userOf = (user: string): EffectiveUser | undefined => directory.user(`sip:${user}`);
  const isActive = (user: EffectiveUser | undefined): boolean =>
    user?.spec.enabled === true && user.persistentChatPolicy.enabled;

  function algorithms(): DigestAlgorithm[] {
    const allowed = directory.registrar().digestAlgorithms;
    return preferred.filter((algorithm) => allowed.includes(algorithm));
  }

  function challenge(message: string, stale: boolean): WebError {
    const digest = digestChallenges({
      realm: domain,
      nonce: nonces.issue(),
      algorithms: algorithms(),
      stale,
    });
    return new WebError(401, 'unauthenticated', message, { headers: { 'www-authenticate': digest } });
  }

  function byDigest(request: IncomingMessage, source: string): Identity {
    const credentials = credentialsOf(request.headers.authorization ?? '');
    // Without qop a response could be replayed: nobody has needed that since RFC 2617.
    if (credentials === undefined || credentials.realm !== domain || credentials.qop !== 'auth')
      throw challenge('sign in', false);
    if (!algorithms().includes(credentials.algorithm)) throw challenge('sign in', false);
    // RFC 7616 3.4.6: a response is good for what it was made for only.
    if (originForm(credentials.uri) !== originForm(request.url ?? ''))
      throw new WebError(400, 'invalid', 'the uri of the credentials is not that of the request');
    const name = nameOf(credentials.username, domain);
    const limited = attempts.refused(source, name);
    if (limited !== undefined) throw tooManyFailures(limited);
    const user = userOf(name);
    if (!passwordFits(request.method ?? '', credentials, user)) {
      attempts.failed(source, name);
      throw challenge('no such user, or another password', false);
    }
    // Only now, for nobody else may use up the counts of a nonce.
    if (nonces.check(credentials.nonce, credentials.ncCount) !== 'ok') throw challenge('sign in again', true);
    attempts.succeeded(source, name);
    if (!isActive(user)) throw new WebError(403, 'forbidden', 'not enabled for Persistent Chat');
    return { user: name, by: 'digest' };
  }

  function byToken(token: string): Identity {
    const claims = tokens.verify(token);
    if (claims !== undefined && isActive(userOf(claims.user))) return { ...claims, by: 'bearer' };
    throw new WebError(401, 'unauthenticated', 'the token is not good any more', {
      headers: { 'www-authenticate': `Bearer realm="${domain}", error="invalid_token"` },
    });
  }

  return {
    identify(request, source, digestOnly) {
      const token = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
      return token !== undefined && !digestOnly ? byToken(token) : byDigest(request, source);
    },
    isAllowed: (user) => isActive(userOf(user)),
  };
}

const tooManyFailures = ({ rule, retryAfter }: TooMany): WebError => {
  const where = rule === 'source-failures' ? 'came from this address' : 'were given for this user';
  const headers = { 'retry-after': String(retryAfter) };
  return new WebError(429, 'limit', `too many wrong passwords ${where}`, { headers });
};

function credentialsOf(header: string): DigestCredentials | undefined {
  try {
    return parseDigest(header);
  } catch (error) {
    throw new WebError(400, 'invalid', (error as SipError).reason);
  }
}

/** People give their name with the domain or without. */
const nameOf = (username: string, domain: string): string =>
  username.includes('@') ? username : `${username}@${domain}`;

function passwordFits(
  method: string,
  credentials: DigestCredentials,
  user: EffectiveUser | undefined,
): boolean {
  const { username, algorithm } = credentials;
  const digest = user?.credential?.digest ?? {};
  const ha1 = Object.hasOwn(digest, username) ? digest[username]?.[algorithm] : undefined;
  return verifyDigest(credentials, { method, ha1: ha1 ?? nobody }) && ha1 !== undefined;
}

/** What a user's tokens hang on: the password, and that the user may come in at all. */
export function tiedTo(directory: Pick<Directory, 'user'>, user: string): string | undefined {
  return directory.user(`sip:${user}`)?.credential?.digest[user]?.['SHA-256'];
}
