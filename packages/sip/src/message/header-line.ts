import { isToken } from './characters.ts';
import { SipError } from './error.ts';
import { type HeaderName, headerName, wireName } from './header-names.ts';

/** One header line, never changed after it was made, so that messages may share it. */
export class HeaderLine {
  readonly name: HeaderName;
  /** The line as on the wire with its folds, without the CRLF at its end. */
  readonly raw: string;
  readonly #valueAt: number;
  readonly #folded: boolean;
  #value: string | undefined;

  constructor(name: HeaderName, raw: string, valueAt: number, folded: boolean) {
    this.name = name;
    this.raw = raw;
    this.#valueAt = valueAt;
    this.#folded = folded;
    this.#value = undefined;
  }

  static of(spelling: string, value: string): HeaderLine {
    if (!isToken(spelling)) throw new SipError(500, 'Header name is not a token');
    assertOneLine(value);
    const written = wireName(spelling);
    return new HeaderLine(headerName(spelling), `${written}: ${value}`, written.length + 1, false);
  }

  /** The same header with its name spelled the same and another value. */
  with(value: string): HeaderLine {
    assertOneLine(value);
    return new HeaderLine(this.name, `${this.raw.slice(0, this.#valueAt)} ${value}`, this.#valueAt, false);
  }

  /** Trimmed; a fold reads as one space (RFC 3261 7.3.1). */
  get value(): string {
    this.#value ??= this.#read();
    return this.#value;
  }

  #read(): string {
    const text = this.raw.slice(this.#valueAt);
    return trimmed(this.#folded ? text.replace(/\r\n[ \t]+/g, ' ') : text);
  }
}

/** Only SP and HTAB are white space in a header; String.trim() takes bytes off that are part of UTF-8 text. */
export function trimmed(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start++;
  return trimmedEnd(text.slice(start));
}

export function trimmedEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

// A value that ends its line early would let its author write headers of ours.
export function assertOneLine(value: string): void {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0x0a || code === 0x0d) throw new SipError(500, 'Header value has a line break');
    if (code > 0xff) throw new SipError(500, 'Header value is not bytes; see toWireText');
  }
}
