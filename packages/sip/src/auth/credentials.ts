import { SipError } from '../message/error.ts';
import { fromWireText, parseAuthParams } from '../message/index.ts';
import { type DigestAlgorithm, digestLength, findAlgorithm } from './algorithms.ts';

/** What a client sent in Authorization or Proxy-Authorization (RFC 7616 3.4). Texts go into the hash as they were sent. */
export interface DigestCredentials {
  /** As a person reads it; with `userhash`, the hash of RFC 7616 3.4.4 in its place. */
  username: string;
  realm: string;
  nonce: string;
  uri: string;
  response: string;
  algorithm: DigestAlgorithm;
  /** Undefined for a client of RFC 2069; then `cnonce` and `nc` are empty. */
  qop: 'auth' | 'auth-int' | undefined;
  cnonce: string;
  nc: string;
  /** `nc` as a number from 1; 0 without qop. */
  ncCount: number;
  opaque: string | undefined;
  userhash: boolean;
}

type Params = ReadonlyMap<string, string>;

/** Undefined for another scheme, an algorithm that is not ours or no response yet: as if there were none. Throws SipError 400 when malformed. */
export function parseDigest(value: string): DigestCredentials | undefined {
  if (!/^digest[ \t]/i.test(value)) return undefined;
  const { params } = parseAuthParams(value);
  const algorithm = findAlgorithm(params.get('algorithm') ?? 'MD5');
  if (algorithm === undefined || isAnnouncement(params)) return undefined;
  return {
    algorithm,
    username: readUsername(params),
    realm: fromWireText(required(params, 'realm')),
    nonce: required(params, 'nonce'),
    uri: required(params, 'uri'),
    response: readResponse(params, algorithm),
    ...readQop(params),
    opaque: params.get('opaque'),
    userhash: params.get('userhash')?.toLowerCase() === 'true',
  };
}

// Telephones name their user in the first REGISTER already, with nonce and response empty (3GPP TS 24.229 5.1.1.2).
function isAnnouncement(params: Params): boolean {
  return params.get('nonce') === '' || params.get('response') === '';
}

function wrong(name: string): SipError {
  return new SipError(400, `Malformed credentials: ${name}`);
}

function required(params: Params, name: string): string {
  const value = params.get(name);
  if (value === undefined || value === '') throw wrong(name);
  return value;
}

// RFC 7616 3.4: a name beyond ASCII may come as `username*=UTF-8''…` (RFC 5987).
function readUsername(params: Params): string {
  const extended = params.get('username*');
  if (extended === undefined || params.has('username')) return fromWireText(required(params, 'username'));
  try {
    return decodeURIComponent(extended.replace(/^UTF-8'[^']*'/i, ''));
  } catch {
    throw wrong('username*');
  }
}

function readResponse(params: Params, algorithm: DigestAlgorithm): string {
  const response = required(params, 'response').toLowerCase();
  if (response.length !== digestLength(algorithm) || !/^[0-9a-f]+$/.test(response)) throw wrong('response');
  return response;
}

function readQop(params: Params): Pick<DigestCredentials, 'qop' | 'cnonce' | 'nc' | 'ncCount'> {
  const qop = params.get('qop')?.toLowerCase();
  if (qop === undefined) return { qop, cnonce: '', nc: '', ncCount: 0 };
  if (qop !== 'auth' && qop !== 'auth-int') throw wrong('qop');
  const nc = required(params, 'nc');
  const ncCount = /^[0-9a-fA-F]{8}$/.test(nc) ? Number.parseInt(nc, 16) : 0;
  if (ncCount === 0) throw wrong('nc');
  return { qop, cnonce: required(params, 'cnonce'), nc, ncCount };
}
