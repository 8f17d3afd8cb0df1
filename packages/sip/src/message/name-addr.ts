import { spaceEnd, tokenEnd, uriTextEnd } from './characters.ts';
import { malformed } from './error.ts';
import { trimmed } from './header-line.ts';
import { Params, parseParams } from './params.ts';
import { quote, quotedEnd, unquote } from './quoting.ts';
import { SipUri } from './uri.ts';

const QUOTE = 0x22;
const LESS = 0x3c;
const GREATER = 0x3e;

/** `name-addr` or `addr-spec` with header parameters: From, To, Contact, Route (RFC 3261 20.10). */
export class NameAddr {
  /** Header text, see fromWireText. */
  displayName: string | undefined;
  /** As sent, of any scheme; '*' in `Contact: *`. */
  uri: string;
  params: Params;

  constructor(uri: string, displayName?: string, params: Params = new Params()) {
    this.uri = uri;
    this.displayName = displayName;
    this.params = params;
  }

  static parse(text: string, header = 'address'): NameAddr {
    const start = spaceEnd(text, 0);
    if (text.charCodeAt(start) === QUOTE) return parseQuotedName(text, start, header);
    const less = text.indexOf('<', start);
    if (less < 0 || isBare(text, less)) return parseBare(text, start, header);
    const name = trimmed(text.slice(start, less));
    if (!isDisplayName(name)) throw malformed(header);
    return parseBracketed(text, less, name === '' ? undefined : name, header);
  }

  get tag(): string | undefined {
    return this.params.get('tag');
  }

  get parsedUri(): SipUri {
    return SipUri.parse(this.uri);
  }

  toString(): string {
    if (this.uri === '*') return `*${this.params}`;
    const name = this.displayName === undefined ? '' : `${quote(this.displayName)} `;
    return `${name}<${this.uri}>${this.params}`;
  }
}

// `sip:a@b;x="<"`: the bracket belongs to a quoted parameter of an address without brackets.
function isBare(text: string, less: number): boolean {
  const quoteAt = text.indexOf('"');
  return quoteAt >= 0 && quoteAt < less;
}

function parseQuotedName(text: string, at: number, header: string): NameAddr {
  const end = quotedEnd(text, at);
  if (end < 0) throw malformed(header);
  const less = spaceEnd(text, end);
  if (text.charCodeAt(less) !== LESS) throw malformed(header);
  return parseBracketed(text, less, unquote(text.slice(at, end)), header);
}

function parseBracketed(text: string, less: number, name: string | undefined, header: string): NameAddr {
  const close = uriEnd(text, less + 1, header);
  if (text.charCodeAt(close) !== GREATER) throw malformed(header);
  return new NameAddr(text.slice(less + 1, close), name, parseParams(text, close + 1, header));
}

// RFC 3261 20.10: without brackets everything after the first ';' is a header parameter, and the URI has no ',' or '?'.
function parseBare(text: string, start: number, header: string): NameAddr {
  const semicolon = text.indexOf(';', start);
  const uri = trimmed(text.slice(start, semicolon < 0 ? text.length : semicolon));
  const isAny = uri === '*' && header === 'contact';
  if (!isAny && (uriEnd(uri, 0, header) !== uri.length || uri.includes('?') || uri.includes(',')))
    throw malformed(header);
  return new NameAddr(uri, undefined, parseParams(text, semicolon < 0 ? text.length : semicolon, header));
}

// A URI of any scheme, which ends at the first character that no URI has.
function uriEnd(text: string, at: number, header: string): number {
  const end = uriTextEnd(text, at);
  const colon = text.indexOf(':', at);
  if (colon <= at || colon >= end) throw malformed(header);
  return end;
}

// `*(token LWS)`; names beyond ASCII that lack their quotes can be mistaken for nothing else, so they are taken too.
function isDisplayName(name: string): boolean {
  const ascii = name.replace(/[\x80-\xff]/g, 'x');
  let i = 0;
  while (i < ascii.length) {
    const end = tokenEnd(ascii, i);
    if (end === i) return false;
    i = spaceEnd(ascii, end);
  }
  return true;
}
