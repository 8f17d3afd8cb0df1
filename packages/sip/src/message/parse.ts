import { isToken } from './characters.ts';
import { malformed, SipError } from './error.ts';
import { HeaderLine } from './header-line.ts';
import { headerName, knownName } from './header-names.ts';
import { defaultLimits, type MessageLimits } from './limits.ts';
import { SipRequest } from './request.ts';
import type { SipResponse } from './response.ts';
import { parseStartLine } from './start-line.ts';

/**
 * Parses one whole datagram or one whole framed message. The body is a view of `bytes`. Throws SipError; when the message
 * is a request that got far enough to be answered, the error carries it.
 */
export function parseMessage(
  bytes: Uint8Array,
  limits: MessageLimits = defaultLimits,
): SipRequest | SipResponse {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = skipEmptyLines(buffer);
  const end = buffer.indexOf('\r\n\r\n', start, 'latin1');
  if (end < 0) throw malformed('message: no empty line after the headers');
  if (end - start > limits.headers) throw new SipError(513, 'Message Too Large');
  const text = buffer.toString('latin1', start, end + 2);
  const lines: HeaderLine[] = [];
  const firstEnd = lineEnd(text, 0, limits);
  const message = parseStartLine(text.slice(0, firstEnd), lines, limits);
  try {
    readLines(text, firstEnd + 2, lines, limits);
    message.body = readBody(message, buffer.subarray(end + 4), limits);
  } catch (error) {
    throw answerable(error, message);
  }
  return message;
}

// RFC 3261 7.5: CRLF before the start line is ignored.
function skipEmptyLines(buffer: Buffer): number {
  let start = 0;
  while (buffer[start] === 0x0d && buffer[start + 1] === 0x0a) start += 2;
  return start;
}

function answerable(error: unknown, message: SipRequest | SipResponse): unknown {
  if (error instanceof SipError && message instanceof SipRequest) error.request = message;
  return error;
}

// A bare CR or LF never ends a line, and another reader might think it does, so it is refused (RFC 3261 25.1).
function lineEnd(text: string, at: number, limits: MessageLimits): number {
  const lf = text.indexOf('\n', at);
  if (text.indexOf('\r', at) !== lf - 1) throw malformed('line end');
  if (lf - at > limits.line) throw new SipError(400, 'Header Line Too Long');
  return lf - 1;
}

function readLines(text: string, start: number, lines: HeaderLine[], limits: MessageLimits): void {
  let at = start;
  while (at < text.length) {
    let end = lineEnd(text, at, limits);
    let folded = false;
    for (; isFold(text, end + 2); folded = true) end = lineEnd(text, end + 2, limits);
    if (end - at > limits.line) throw new SipError(400, 'Header Line Too Long');
    if (lines.length >= limits.lines) throw new SipError(400, 'Too Many Header Lines');
    lines.push(readLine(text.slice(at, end), folded));
    at = end + 2;
  }
}

function isFold(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || code === 0x09;
}

function readLine(raw: string, folded: boolean): HeaderLine {
  const colon = raw.indexOf(':');
  const spelling = raw.slice(0, colon);
  const known = knownName(spelling);
  if (known !== undefined) return new HeaderLine(known, raw, colon + 1, folded);
  const trimmed = spelling.replace(/[ \t]+$/, '');
  if (!isToken(trimmed)) throw malformed('header name');
  return new HeaderLine(headerName(trimmed), raw, colon + 1, folded);
}

// RFC 3261 18.3: over UDP the body may not be shorter than Content-Length says, and what is beyond it is dropped.
function readBody(message: SipRequest | SipResponse, rest: Buffer, limits: MessageLimits): Uint8Array {
  const length = contentLength(message) ?? rest.length;
  if (length > limits.body) throw new SipError(513, 'Message Too Large');
  if (length > rest.length) throw new SipError(400, 'Body Shorter Than Content-Length');
  return rest.subarray(0, length);
}

function contentLength(message: SipRequest | SipResponse): number | undefined {
  const [value, ...others] = message.getAll('content-length');
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value) || others.some((other) => other !== value)) throw malformed('content-length');
  return Number(value);
}
