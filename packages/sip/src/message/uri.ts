import { isIPv6 } from 'node:net';
import {
  digitsEnd,
  escapesAreWhole,
  hostEnd,
  isDigits,
  isPassword,
  isUriParam,
  isUriText,
  isUser,
} from './characters.ts';
import { malformed, SipError } from './error.ts';
import { canonicalEscapes, sameUri } from './uri-equality.ts';

/** A SIP or SIPS URI (RFC 3261 19.1). Its parts are kept as sent, escapes included; host names are compared without case. */
export class SipUri {
  scheme: string;
  user: string | undefined;
  password: string | undefined;
  /** An IPv6 address is in brackets. */
  host: string;
  port: number | undefined;
  params: Map<string, string | undefined>;
  /** What follows '?', as sent. */
  headers: string | undefined;

  constructor(scheme: string, user: string | undefined, host: string, port?: number) {
    this.scheme = scheme;
    this.user = user;
    this.password = undefined;
    this.host = host;
    this.port = port;
    this.params = new Map();
    this.headers = undefined;
  }

  /** Throws SipError 416 for another scheme (RFC 3261 8.2.2.1), 400 for a malformed URI. */
  static parse(text: string): SipUri {
    const colon = text.indexOf(':');
    if (colon <= 0) throw malformed('URI');
    const scheme = text.slice(0, colon).toLowerCase();
    if (scheme !== 'sip' && scheme !== 'sips') throw otherScheme(scheme);
    const uri = new SipUri(scheme, undefined, '');
    const at = readUser(uri, text, colon + 1);
    readRest(uri, text, readHostPort(uri, text, at));
    return uri;
  }

  /** 'sip:user@host': what two URIs of one user have in common, whatever the port, the parameters or `sips`. */
  aor(): string {
    const host = this.host.toLowerCase();
    return this.user === undefined ? `sip:${host}` : `sip:${canonicalEscapes(this.user)}@${host}`;
  }

  /** RFC 3261 19.1.4. */
  equals(other: SipUri): boolean {
    return sameUri(this, other);
  }

  toString(): string {
    let text = `${this.scheme}:`;
    if (this.user !== undefined)
      text += `${this.user}${this.password === undefined ? '' : `:${this.password}`}@`;
    text += this.port === undefined ? this.host : `${this.host}:${this.port}`;
    for (const [name, value] of this.params) text += value === undefined ? `;${name}` : `;${name}=${value}`;
    return this.headers === undefined ? text : `${text}?${this.headers}`;
  }
}

function otherScheme(scheme: string): SipError {
  return /^[a-z][a-z0-9+.-]*$/.test(scheme) ? new SipError(416, 'Unsupported URI Scheme') : malformed('URI');
}

// A '@' ends the user part wherever it is: it must be escaped everywhere else.
function readUser(uri: SipUri, text: string, start: number): number {
  const at = text.indexOf('@', start);
  if (at < 0) return start;
  const info = text.slice(start, at);
  const colon = info.indexOf(':');
  const user = colon < 0 ? info : info.slice(0, colon);
  const password = colon < 0 ? undefined : info.slice(colon + 1);
  if (!isUser(user) || (password !== undefined && !isPassword(password)) || !escapesAreWhole(info))
    throw malformed('URI');
  uri.user = user;
  uri.password = password;
  return at + 1;
}

function readHostPort(uri: SipUri, text: string, at: number): number {
  const end = hostLength(text, at);
  uri.host = text.slice(at, end);
  if (text.charCodeAt(end) !== 0x3a) return end;
  const portEnd = digitsEnd(text, end + 1);
  uri.port = parsePort(text.slice(end + 1, portEnd), 'URI');
  return portEnd;
}

/** End of a host name, an IPv4 address or a bracketed IPv6 address; throws when there is none. */
export function hostLength(text: string, at: number, header = 'URI'): number {
  const bracket = text.charCodeAt(at) === 0x5b;
  const end = bracket ? text.indexOf(']', at) + 1 : hostEnd(text, at);
  if (end <= at) throw malformed(header);
  if (bracket && !isIPv6Reference(text.slice(at, end))) throw malformed(header);
  return end;
}

// The grammar of RFC 3261 lets a third colon stand before an IPv4 tail (RFC 5118 4.10).
function isIPv6Reference(text: string): boolean {
  return isIPv6(text.slice(1, -1).replace(':::', '::')) && !text.includes('%');
}

export function parsePort(digits: string, header: string): number {
  const port = Number(digits);
  if (!isDigits(digits) || digits.length > 5 || port > 65535) throw malformed(header);
  return port;
}

function readRest(uri: SipUri, text: string, at: number): void {
  const question = text.indexOf('?', at);
  const end = question < 0 ? text.length : question;
  if (question >= 0) uri.headers = readHeaders(text.slice(question + 1));
  if (at === end) return;
  if (text.charCodeAt(at) !== 0x3b) throw malformed('URI');
  for (const part of text.slice(at + 1, end).split(';')) readParam(uri, part);
}

function readHeaders(headers: string): string {
  if (!isUriText(headers) || !escapesAreWhole(headers)) throw malformed('URI');
  return headers;
}

function readParam(uri: SipUri, part: string): void {
  const equals = part.indexOf('=');
  const name = (equals < 0 ? part : part.slice(0, equals)).toLowerCase();
  const value = equals < 0 ? undefined : part.slice(equals + 1);
  if (!isUriParam(name) || (value !== undefined && !isUriParam(value)) || !escapesAreWhole(part))
    throw malformed('URI');
  if (uri.params.has(name)) throw malformed('URI');
  uri.params.set(name, value);
}
