import { SipError } from '../message/error.ts';
import type { MessageLimits } from '../message/limits.ts';

export type Frame =
  | { readonly kind: 'message'; readonly bytes: Buffer }
  /** CRLFCRLF between messages, to be answered with CRLF (RFC 5626 4.4.1). */
  | { readonly kind: 'ping' }
  /** Nobody can tell where the next message starts: nothing follows. `bytes` is what there was of this one. */
  | { readonly kind: 'broken'; readonly error: SipError; readonly bytes: Buffer };

const CR = 0x0d;
const LF = 0x0a;
const empty = Buffer.alloc(0);
const headersEnd = Buffer.from('\r\n\r\n');
const ping: Frame = { kind: 'ping' };

/** Cuts a stream into messages by their Content-Length (RFC 3261 18.3). */
export class StreamFramer {
  readonly #limits: MessageLimits;
  /** From `#at` to `#end` is still to be cut. What was cut stays as it is, for the messages are views of it. */
  #buffer: Buffer;
  #at: number;
  #end: number;
  /** How much of what is there has no end of headers in it. */
  #searched: number;
  /** Of the message that starts at `#at`, once its headers are there. */
  #length: number | undefined;
  #emptyLines: number;
  #broken: boolean;

  constructor(limits: MessageLimits) {
    this.#limits = limits;
    this.#buffer = empty;
    this.#at = 0;
    this.#end = 0;
    this.#searched = 0;
    this.#length = undefined;
    this.#emptyLines = 0;
    this.#broken = false;
  }

  /** A message has begun that is not whole. */
  get inMessage(): boolean {
    return this.#end > this.#at;
  }

  push(chunk: Buffer): void {
    if (this.#broken) return;
    if (this.inMessage) return this.#append(chunk);
    this.#buffer = chunk;
    this.#at = 0;
    this.#end = chunk.length;
  }

  next(): Frame | undefined {
    if (this.#broken) return undefined;
    if (this.#length === undefined && this.#skipEmptyLines()) return ping;
    try {
      this.#length ??= this.#findLength();
    } catch (error) {
      return this.#break(error as SipError);
    }
    if (this.#length === undefined || this.#end - this.#at < this.#length) return undefined;
    return this.#cut(this.#length);
  }

  // Grows by doubling, so that a message which comes byte by byte is not copied each time.
  #append(chunk: Buffer): void {
    const pending = this.#end - this.#at;
    if (this.#end + chunk.length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(2 * (pending + chunk.length));
      this.#buffer.copy(larger, 0, this.#at, this.#end);
      this.#buffer = larger;
      this.#at = 0;
      this.#end = pending;
    }
    chunk.copy(this.#buffer, this.#end);
    this.#end += chunk.length;
  }

  /** True for the second of two, which RFC 5626 3.5.1 calls a ping; one alone means nothing (RFC 3261 7.5). */
  #skipEmptyLines(): boolean {
    while (this.#buffer[this.#at] === CR && this.#end - this.#at >= 2 && this.#buffer[this.#at + 1] === LF) {
      this.#at += 2;
      this.#emptyLines = (this.#emptyLines + 1) % 2;
      if (this.#emptyLines === 0) return true;
    }
    return false;
  }

  #findLength(): number | undefined {
    const pending = this.#buffer.subarray(this.#at, this.#end);
    if (pending.length === 0 || (pending.length === 1 && pending[0] === CR)) return undefined;
    assertText(pending[0] as number);
    const end = pending.indexOf(headersEnd, Math.max(0, this.#searched - 3));
    if (end < 0) {
      this.#searched = pending.length;
      this.#assertHeadersMayEnd(pending);
      return undefined;
    }
    if (end > this.#limits.headers) throw new SipError(513, 'Message Too Large');
    const length = contentLength(pending.toString('latin1', 0, end + 2));
    if (length > this.#limits.body) throw new SipError(513, 'Message Too Large');
    return end + headersEnd.length + length;
  }

  #assertHeadersMayEnd(pending: Buffer): void {
    const { headers, line } = this.#limits;
    if (pending.length > headers + headersEnd.length) throw new SipError(513, 'Message Too Large');
    const lineEnd = pending.indexOf(LF);
    if (lineEnd > line + 1 || (lineEnd < 0 && pending.length > line))
      throw new SipError(400, 'Header Line Too Long');
  }

  #cut(length: number): Frame {
    const bytes = this.#buffer.subarray(this.#at, this.#at + length);
    this.#at += length;
    this.#length = undefined;
    this.#searched = 0;
    this.#emptyLines = 0;
    if (!this.inMessage) this.#buffer = empty;
    return { kind: 'message', bytes };
  }

  #break(error: SipError): Frame {
    const bytes = this.#buffer.subarray(this.#at, this.#end);
    this.#broken = true;
    this.#buffer = empty;
    this.#at = 0;
    this.#end = 0;
    return { kind: 'broken', error, bytes };
  }
}

// The first byte of a TLS handshake or of any binary protocol is none of a start line.
function assertText(byte: number): void {
  if (byte <= 0x20 || byte >= 0x7f) throw new SipError(400, 'Malformed start line');
}

const lengthLines = /\r\n(?:content-length|l)[ \t]*:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)/gi;

// RFC 3261 20.14: a stream cannot do without. Two that differ would be read as one message here and as another elsewhere.
function contentLength(headers: string): number {
  let found: string | undefined;
  for (const [, text = ''] of headers.matchAll(lengthLines)) {
    const value = text.trim();
    if (!/^\d{1,9}$/.test(value) || (found !== undefined && value !== found))
      throw new SipError(400, 'Malformed content-length');
    found = value;
  }
  if (found === undefined) throw new SipError(400, 'Missing content-length');
  return Number(found);
}
