import { malformed, SipError } from './error.ts';
import { lineEnd, readHeaderSection } from './header-section.ts';
import { defaultLimits, type MessageLimits } from './limits.ts';
import { SipRequest } from './request.ts';
import type { SipResponse } from './response.ts';
import { parseStartLine, type Started } from './start-line.ts';

/**
 * Parses one whole datagram or one whole framed message. The body is a view of `bytes`. Throws SipError; when the message
 * is a request whose sender can be told, the error carries it.
 */
export function parseMessage(
  bytes: Uint8Array,
  limits: MessageLimits = defaultLimits,
): SipRequest | SipResponse {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = skipEmptyLines(buffer);
  const end = buffer.indexOf('\r\n\r\n', start, 'latin1');
  if ((end < 0 ? buffer.length : end) - start > limits.headers) throw new SipError(513, 'Message Too Large');
  if (end < 0) throw unfinished(buffer.toString('latin1', start), limits);
  return parseParts(buffer.toString('latin1', start, end + 2), buffer.subarray(end + 4), limits);
}

function parseParts(head: string, rest: Buffer, limits: MessageLimits): SipRequest | SipResponse {
  const { message, problem, contentLength } = parseHead(head, limits);
  const length = contentLength ?? rest.length;
  const wrong = problem ?? lengthProblem(length, rest.length, limits);
  if (wrong !== undefined) throw about(message, wrong);
  message.body = length === rest.length ? rest : rest.subarray(0, length);
  return message;
}

interface Head extends Started {
  contentLength: number | undefined;
}

function parseHead(head: string, limits: MessageLimits): Head {
  const firstEnd = lineEnd(head, 0, limits);
  const section = readHeaderSection(head, firstEnd + 2, limits);
  const { message, problem } = parseStartLine(head.slice(0, firstEnd), section.lines, limits);
  return { message, problem: problem ?? section.problem, contentLength: section.contentLength };
}

// The sender can be told when nothing but the empty line after the headers is missing.
function unfinished(text: string, limits: MessageLimits): SipError {
  const error = malformed('message: no empty line after the headers');
  return text.endsWith('\r\n') ? about(parseHead(text, limits).message, error) : error;
}

// RFC 3261 7.5: CRLF before the start line is ignored.
function skipEmptyLines(buffer: Buffer): number {
  let start = 0;
  while (buffer[start] === 0x0d && buffer[start + 1] === 0x0a) start += 2;
  return start;
}

// RFC 3261 18.3: over UDP the body may not be shorter than Content-Length says, and what is beyond it is dropped.
function lengthProblem(length: number, available: number, limits: MessageLimits): SipError | undefined {
  if (length > limits.body) return new SipError(413, 'Request Entity Too Large');
  return length > available ? new SipError(400, 'Body Shorter Than Content-Length') : undefined;
}

// Without a Via there is no way back to the sender, and nobody answers an ACK (RFC 3261 17).
function about(message: SipRequest | SipResponse, error: SipError): SipError {
  if (message instanceof SipRequest && message.method !== 'ACK' && message.has('via'))
    error.request = message;
  return error;
}
