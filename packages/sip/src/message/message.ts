import { HeaderLine, trimmed } from './header-line.ts';
import { type HeaderName, headerName } from './header-names.ts';
import { elementEnd, splitList } from './lists.ts';
import type { NameAddr } from './name-addr.ts';
import {
  type CSeq,
  readAddress,
  readAddresses,
  readContentType,
  readCSeq,
  readNumber,
  readRequired,
  readVia,
  readVias,
} from './typed-headers.ts';
import type { Via } from './via.ts';

/**
 * A message of which each header line keeps its bytes until it is changed. Header text is latin1: one character, one byte.
 * Typed headers are parsed at first use and throw SipError 400 when malformed. They are the reader's copy: what is changed
 * in them has to be written back with `set` or `replaceFirst`.
 */
export abstract class SipMessage {
  body: Uint8Array;
  #lines: HeaderLine[];
  #parsed: Map<string, unknown> | undefined;

  constructor(lines: HeaderLine[], body: Uint8Array) {
    this.#lines = lines;
    this.#parsed = undefined;
    this.body = body;
  }

  protected abstract startLine(): string;
  abstract clone(): this;

  get lines(): readonly HeaderLine[] {
    return this.#lines;
  }

  /** The first line's value. */
  get(name: string): string | undefined {
    return this.#line(headerName(name))?.value;
  }

  /** Each line's value. */
  getAll(name: string): string[] {
    return this.#linesOf(headerName(name)).map((line) => line.value);
  }

  /** List elements over all lines, split at commas outside quotes and angle brackets; empty elements are left out. */
  values(name: string): string[] {
    const wanted = headerName(name);
    return this.#linesOf(wanted)
      .flatMap((line) => splitList(line.value, wanted))
      .filter((element) => element !== '');
  }

  has(name: string): boolean {
    return this.#line(headerName(name)) !== undefined;
  }

  /** Number of lines. */
  count(name: string): number {
    const wanted = headerName(name);
    let count = 0;
    for (const line of this.#lines) if (line.name === wanted) count++;
    return count;
  }

  /** One line instead of all of this name, where the first one was. */
  set(name: string, value: string): void {
    const line = HeaderLine.of(name, value);
    const at = this.#indexOf(line.name);
    if (at < 0) this.#lines.push(line);
    else {
      this.delete(name);
      this.#lines.splice(at, 0, line);
    }
    this.#forget(line.name);
  }

  /** Puts a line before the others of this name; before all headers when there are none. */
  prepend(name: string, value: string): void {
    const line = HeaderLine.of(name, value);
    this.#lines.splice(Math.max(this.#indexOf(line.name), 0), 0, line);
    this.#forget(line.name);
  }

  append(name: string, value: string): void {
    const line = HeaderLine.of(name, value);
    const at = this.#lines.findLastIndex((other) => other.name === line.name);
    this.#lines.splice(at < 0 ? this.#lines.length : at + 1, 0, line);
    this.#forget(line.name);
  }

  delete(name: string): void {
    const unwanted = headerName(name);
    for (let at = this.#indexOf(unwanted); at >= 0; at = this.#indexOf(unwanted)) this.#lines.splice(at, 1);
    this.#forget(unwanted);
  }

  /** Takes off the first list element: the topmost Via or Route. */
  dropFirst(name: string): void {
    const at = this.#indexOf(headerName(name));
    if (at >= 0) this.#replaceElement(at, []);
  }

  /** Puts a value in the place of the first list element, as RFC 3261 18.2.1 does with the topmost Via. */
  replaceFirst(name: string, value: string): void {
    const at = this.#indexOf(headerName(name));
    if (at < 0) this.prepend(name, value);
    else this.#replaceElement(at, [value]);
  }

  get via(): Via {
    return this.#once('via', readVia);
  }

  get vias(): Via[] {
    return this.#once('vias', readVias);
  }

  get from(): NameAddr {
    return this.#once('from', readAddress);
  }

  get to(): NameAddr {
    return this.#once('to', readAddress);
  }

  get callId(): string {
    return readRequired(this, 'call-id');
  }

  get cseq(): CSeq {
    return this.#once('cseq', readCSeq);
  }

  get contacts(): NameAddr[] {
    return this.#once('contacts', readAddresses);
  }

  get routes(): NameAddr[] {
    return this.#once('routes', readAddresses);
  }

  get recordRoutes(): NameAddr[] {
    return this.#once('record-routes', readAddresses);
  }

  get maxForwards(): number | undefined {
    return readNumber(this, 'max-forwards', 255);
  }

  /** Seconds. */
  get expires(): number | undefined {
    return readNumber(this, 'expires', 2 ** 32 - 1);
  }

  /** Lower case, without parameters. */
  get contentType(): string | undefined {
    return readContentType(this);
  }

  /** Content-Length is always that of the body; it is added when missing. */
  toBuffer(): Buffer {
    const text = this.#headerSection();
    const bytes = Buffer.allocUnsafe(text.length + this.body.length);
    bytes.write(text, 0, 'latin1');
    bytes.set(this.body, text.length);
    return bytes;
  }

  #headerSection(): string {
    const { length } = this.body;
    let text = `${this.startLine()}\r\n`;
    let written = false;
    for (const line of this.#lines) {
      if (line.name !== 'content-length') text += `${line.raw}\r\n`;
      else if (!written) {
        text += Number(line.value) === length ? `${line.raw}\r\n` : `Content-Length: ${length}\r\n`;
        written = true;
      }
    }
    return written ? `${text}\r\n` : `${text}Content-Length: ${length}\r\n\r\n`;
  }

  #line(name: HeaderName): HeaderLine | undefined {
    for (const line of this.#lines) if (line.name === name) return line;
    return undefined;
  }

  #linesOf(name: HeaderName): HeaderLine[] {
    return this.#lines.filter((line) => line.name === name);
  }

  #indexOf(name: HeaderName): number {
    for (let i = 0; i < this.#lines.length; i++) if (this.#lines[i]?.name === name) return i;
    return -1;
  }

  #replaceElement(at: number, elements: string[]): void {
    const line = this.#lines[at];
    if (line === undefined) return;
    const rest = trimmed(line.value.slice(elementEnd(line.value, 0) + 1));
    if (rest !== '') elements.push(rest);
    this.#lines.splice(at, 1, ...(elements.length > 0 ? [line.with(elements.join(', '))] : []));
    this.#forget(line.name);
  }

  #once<T>(key: string, read: (message: SipMessage, key: string) => T): T {
    this.#parsed ??= new Map();
    let value = this.#parsed.get(key) as T | undefined;
    if (value === undefined) {
      value = read(this, key);
      this.#parsed.set(key, value);
    }
    return value;
  }

  #forget(name: HeaderName): void {
    this.#parsed?.delete(name);
    this.#parsed?.delete(`${name}s`);
  }
}
