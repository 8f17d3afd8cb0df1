import { isDigits, isToken, isUriText } from './characters.ts';
import { malformed, SipError } from './error.ts';
import type { HeaderLine } from './header-line.ts';
import type { MessageLimits } from './limits.ts';
import { noBody, SipRequest } from './request.ts';
import { SipResponse } from './response.ts';

export interface Started {
  /** With its body still to come. */
  message: SipRequest | SipResponse;
  /** Why it cannot be served, although its sender can be told so. */
  problem: SipError | undefined;
}

/** Makes the message that a start line begins (RFC 3261 7.1, 7.2). Throws for what is neither request nor response. */
export function parseStartLine(line: string, lines: HeaderLine[], limits: MessageLimits): Started {
  const first = line.indexOf(' ');
  const word = first < 0 ? line : line.slice(0, first);
  if (isToken(word)) return parseRequestLine(word, line, lines, limits);
  return { message: parseStatusLine(word, line.slice(first + 1), lines), problem: undefined };
}

// Nobody answers a response, so what is wrong with it is thrown.
function parseStatusLine(version: string, rest: string, lines: HeaderLine[]): SipResponse {
  const problem = versionProblem(version);
  if (problem !== undefined) throw problem;
  const status = rest.slice(0, 3);
  const isWhole = isDigits(status) && Number(status) >= 100 && Number(status) <= 699;
  if (!isWhole || (rest.length > 3 && rest[3] !== ' ')) throw malformed('status line');
  return new SipResponse(Number(status), rest.slice(4), lines, noBody);
}

function parseRequestLine(method: string, line: string, lines: HeaderLine[], limits: MessageLimits): Started {
  const last = line.lastIndexOf(' ');
  const request = new SipRequest(method, line.slice(method.length + 1, last), lines, noBody);
  return {
    message: request,
    problem: versionProblem(line.slice(last + 1)) ?? uriProblem(request.uri, limits),
  };
}

function uriProblem(uri: string, limits: MessageLimits): SipError | undefined {
  if (uri.length > limits.uri) return new SipError(414, 'Request-URI Too Long');
  return isUriText(uri) ? undefined : malformed('request line');
}

// RFC 3261 7.1: compared without case, written in upper case.
function versionProblem(version: string): SipError | undefined {
  if (version === 'SIP/2.0' || version.toUpperCase() === 'SIP/2.0') return undefined;
  return /^SIP\/\d+\.\d+$/i.test(version)
    ? new SipError(505, 'Version Not Supported')
    : malformed('start line');
}
