import { paramValueEnd, spaceEnd, tokenEnd } from './characters.ts';
import { malformed } from './error.ts';
import { quote, quotedEnd, unquote } from './quoting.ts';

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;

/** Names are lower case; a value is without its quotes, undefined when there is no '='. */
export class Params extends Map<string, string | undefined> {
  /** Names whose value came in quotes: some need them even around a token (RFC 3840 9). */
  #quoted: Set<string> | undefined;

  override toString(): string {
    let text = '';
    for (const [name, value] of this)
      text += value === undefined ? `;${name}` : `;${name}=${this.#written(name, value)}`;
    return text;
  }

  keepQuotes(name: string): void {
    this.#quoted ??= new Set();
    this.#quoted.add(name);
  }

  #written(name: string, value: string): string {
    const plain = value.length > 0 && paramValueEnd(value, 0) === value.length;
    return plain && !this.#quoted?.has(name) ? value : quote(value);
  }
}

/** Reads `*( SEMI generic-param )` from `at` to the end of the text. The same name twice is an error (RFC 3261 7.3.1). */
export function parseParams(text: string, at: number, header: string): Params {
  const params = new Params();
  let i = spaceEnd(text, at);
  while (i < text.length) {
    if (text.charCodeAt(i) !== SEMICOLON) throw malformed(header);
    i = parseParam(text, spaceEnd(text, i + 1), params, header);
  }
  return params;
}

function parseParam(text: string, at: number, params: Params, header: string): number {
  const nameEnd = tokenEnd(text, at);
  if (nameEnd === at) throw malformed(header);
  const name = text.slice(at, nameEnd).toLowerCase();
  if (params.has(name)) throw malformed(header);
  const i = spaceEnd(text, nameEnd);
  if (text.charCodeAt(i) !== EQUALS) {
    params.set(name, undefined);
    return i;
  }
  return parseValue(text, spaceEnd(text, i + 1), name, params, header);
}

function parseValue(text: string, at: number, name: string, params: Params, header: string): number {
  const isQuoted = text.charCodeAt(at) === QUOTE;
  const end = isQuoted ? quotedEnd(text, at) : paramValueEnd(text, at);
  if (end <= at) throw malformed(header);
  const value = text.slice(at, end);
  params.set(name, isQuoted ? unquote(value) : value);
  if (isQuoted) params.keepQuotes(name);
  return spaceEnd(text, end);
}
