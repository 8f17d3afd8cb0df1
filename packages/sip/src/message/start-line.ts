import { isDigits, isToken } from './characters.ts';
import { malformed, SipError } from './error.ts';
import type { HeaderLine } from './header-line.ts';
import type { MessageLimits } from './limits.ts';
import { SipRequest } from './request.ts';
import { SipResponse } from './response.ts';

/** Makes the message that a start line begins (RFC 3261 7.1, 7.2), with headers and body still to come. */
export function parseStartLine(
  line: string,
  lines: HeaderLine[],
  limits: MessageLimits,
): SipRequest | SipResponse {
  const first = line.indexOf(' ');
  if (first <= 0) throw malformed('start line');
  const word = line.slice(0, first);
  return word.includes('/')
    ? parseStatusLine(word, line.slice(first + 1), lines)
    : parseRequestLine(word, line, lines, limits);
}

function parseStatusLine(version: string, rest: string, lines: HeaderLine[]): SipResponse {
  assertVersion(version);
  const status = rest.slice(0, 3);
  const isWhole = isDigits(status) && Number(status) >= 100 && Number(status) <= 699;
  if (!isWhole || (rest.length > 3 && rest[3] !== ' ')) throw malformed('status line');
  return new SipResponse(Number(status), rest.slice(4), lines, new Uint8Array(0));
}

function parseRequestLine(
  method: string,
  line: string,
  lines: HeaderLine[],
  limits: MessageLimits,
): SipRequest {
  const last = line.lastIndexOf(' ');
  const uri = line.slice(method.length + 1, last);
  if (!isToken(method) || last <= method.length || uri === '') throw malformed('request line');
  if (uri.length > limits.uri) throw new SipError(414, 'Request-URI Too Long');
  assertVersion(line.slice(last + 1));
  return new SipRequest(method, uri, lines, new Uint8Array(0));
}

// RFC 3261 7.1: compared without case, written in upper case.
function assertVersion(version: string): void {
  if (version === 'SIP/2.0' || version.toUpperCase() === 'SIP/2.0') return;
  throw /^SIP\/\d+\.\d+$/i.test(version)
    ? new SipError(505, 'Version Not Supported')
    : malformed('start line');
}
