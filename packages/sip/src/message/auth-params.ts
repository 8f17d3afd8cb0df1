import { paramValueEnd, spaceEnd, tokenEnd } from './characters.ts';
import { malformed } from './error.ts';
import { quotedEnd, unquote } from './quoting.ts';

export interface AuthParams {
  /** As sent: 'Digest'. */
  scheme: string;
  /** Names in lower case, values without quotes. */
  params: Map<string, string>;
}

/** Reads `scheme LWS name=value *(COMMA name=value)` of (Proxy-)Authorization and (WWW|Proxy)-Authenticate. */
export function parseAuthParams(value: string): AuthParams {
  const schemeEnd = tokenEnd(value, 0);
  const start = spaceEnd(value, schemeEnd);
  if (schemeEnd === 0 || (start === schemeEnd && start < value.length)) throw malformed('credentials');
  const params = new Map<string, string>();
  let i = start;
  while (i < value.length) i = nextParam(value, readParam(value, i, params));
  return { scheme: value.slice(0, schemeEnd), params };
}

function readParam(text: string, at: number, params: Map<string, string>): number {
  const nameEnd = tokenEnd(text, at);
  const equals = spaceEnd(text, nameEnd);
  const name = text.slice(at, nameEnd).toLowerCase();
  if (name === '' || text.charCodeAt(equals) !== 0x3d || params.has(name)) throw malformed('credentials');
  const valueAt = spaceEnd(text, equals + 1);
  const end = text.charCodeAt(valueAt) === 0x22 ? quotedEnd(text, valueAt) : paramValueEnd(text, valueAt);
  if (end <= valueAt) throw malformed('credentials');
  params.set(name, unquote(text.slice(valueAt, end)));
  return spaceEnd(text, end);
}

function nextParam(text: string, at: number): number {
  if (at === text.length) return at;
  const next = spaceEnd(text, at + 1);
  if (text.charCodeAt(at) !== 0x2c || next === text.length) throw malformed('credentials');
  return next;
}
