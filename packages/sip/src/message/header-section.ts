import { isDigits, isToken } from './characters.ts';
import { malformed, SipError } from './error.ts';
import { HeaderLine, trimmedEnd } from './header-line.ts';
import { headerName, knownNameAt } from './header-names.ts';
import type { MessageLimits } from './limits.ts';

const SP = 0x20;
const HTAB = 0x09;

export interface HeaderSection {
  lines: HeaderLine[];
  contentLength: number | undefined;
  /** The first thing that is wrong; the lines that can be read are read nevertheless. */
  problem: SipError | undefined;
}

/** Reads the header lines from `start` to the end of the text, which ends with CRLF. Throws when it breaks a limit. */
export function readHeaderSection(text: string, start: number, limits: MessageLimits): HeaderSection {
  const section: HeaderSection = { lines: [], contentLength: undefined, problem: undefined };
  let at = start;
  while (at < text.length) {
    let end = lineEnd(text, at, limits);
    let folded = false;
    for (; isFold(text, end + 2); folded = true) end = lineEnd(text, end + 2, limits);
    if (end - at > limits.line) throw new SipError(400, 'Header Line Too Long');
    if (section.lines.length >= limits.lines) throw new SipError(400, 'Too Many Header Lines');
    readLine(section, text, at, end, folded);
    at = end + 2;
  }
  return section;
}

/** A bare CR or LF never ends a line, and the next reader might think it does, so it is refused (RFC 3261 25.1). */
export function lineEnd(text: string, at: number, limits: MessageLimits): number {
  const lf = text.indexOf('\n', at);
  if (text.indexOf('\r', at) !== lf - 1) throw malformed('line end');
  if (lf - 1 - at > limits.line) throw new SipError(400, 'Header Line Too Long');
  return lf - 1;
}

function isFold(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === SP || code === HTAB;
}

function readLine(section: HeaderSection, text: string, at: number, end: number, folded: boolean): void {
  const colon = text.indexOf(':', at);
  const raw = text.slice(at, end);
  const known = knownNameAt(text, at, colon);
  const line =
    known === undefined ? unusualLine(raw, folded) : new HeaderLine(known, raw, colon - at + 1, folded);
  if (line === undefined) section.problem ??= malformed('header line');
  else section.lines.push(line);
  if (line?.name === 'content-length') readLength(section, line.value);
}

// HCOLON lets white space stand before the colon (RFC 3261 7.3.1).
function unusualLine(raw: string, folded: boolean): HeaderLine | undefined {
  const colon = raw.indexOf(':');
  const spelling = trimmedEnd(raw.slice(0, Math.max(colon, 0)));
  return isToken(spelling) ? new HeaderLine(headerName(spelling), raw, colon + 1, folded) : undefined;
}

// Repeated with another value, it frames nothing (RFC 4475 3.3.9).
function readLength(section: HeaderSection, value: string): void {
  const length = Number(value);
  if (!isDigits(value) || value.length > 10) section.problem ??= malformed('content-length');
  else if ((section.contentLength ?? length) !== length) section.problem ??= malformed('content-length');
  else section.contentLength = length;
}
