import { randomBytes } from 'node:crypto';
import { SipError } from '../message/error.ts';
import { parseAuthParams, quote, toWireText } from '../message/index.ts';
import { type DigestAlgorithm, digestHa1, findAlgorithm } from './algorithms.ts';
import { digestResponse } from './verify.ts';

export interface Challenge {
  realm: string;
  nonce: string;
  /** The one that the server prefers first: clients take the first that they know (RFC 8760 2.4). */
  algorithms: readonly DigestAlgorithm[];
  /** The client's nonce was too old but its password may be right: it needs not ask its user again. */
  stale?: boolean;
}

/** Values of WWW-Authenticate or Proxy-Authenticate, one line each, in the order of `algorithms`. */
export function digestChallenges({ realm, nonce, algorithms, stale }: Challenge): string[] {
  const opening = `Digest realm=${quote(toWireText(realm))}, nonce=${quote(nonce)}, qop="auth"`;
  return algorithms.map((algorithm) => `${opening}, algorithm=${algorithm}${stale ? ', stale=true' : ''}`);
}

export interface Answering {
  username: string;
  password: string;
  method: string;
  uri: string;
  /** How often this nonce was used, this time included; 1 unless told. */
  ncCount?: number;
  cnonce?: string;
}

/** A client's answer to one challenge: the value of (Proxy-)Authorization. Throws SipError 400 when it cannot be answered. */
export function answerChallenge(challenge: string, answering: Answering): string {
  const { params } = parseAuthParams(challenge);
  const algorithm = findAlgorithm(params.get('algorithm') ?? 'MD5');
  const nonce = params.get('nonce');
  const realm = params.get('realm');
  if (algorithm === undefined || nonce === undefined || realm === undefined)
    throw new SipError(400, 'Malformed challenge');
  const {
    username,
    password,
    method,
    uri,
    ncCount = 1,
    cnonce = randomBytes(12).toString('hex'),
  } = answering;
  const nc = ncCount.toString(16).padStart(8, '0');
  const qop = params.has('qop') ? 'auth' : undefined;
  const ha1 = digestHa1(algorithm, username, Buffer.from(realm, 'latin1').toString('utf8'), password);
  const response = digestResponse({ algorithm, nonce, uri, cnonce, nc, qop }, { method, ha1 });
  const user = `Digest username=${quote(toWireText(username))}, realm=${quote(realm)}, nonce=${quote(nonce)}, uri=${quote(uri)}`;
  const ending = qop === undefined ? '' : `, qop=auth, nc=${nc}, cnonce=${quote(cnonce)}`;
  const opaque = params.get('opaque');
  return `${user}, response="${response}", algorithm=${algorithm}${ending}${opaque === undefined ? '' : `, opaque=${quote(opaque)}`}`;
}
