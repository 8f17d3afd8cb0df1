import { trimmed } from './header-line.ts';
import { quotedEnd } from './quoting.ts';

const QUOTE = 0x22;
const OPEN = 0x28;
const COMMA = 0x2c;
const LESS = 0x3c;

// RFC 3261 25.1: only these have comments. In a URI a parenthesis is an ordinary character.
const withComments = new Set(['server', 'user-agent', 'retry-after']);

/** The comma that ends the element which starts at `at`, or the text's length. */
export function elementEnd(text: string, at: number, comments = false): number {
  const comma = text.indexOf(',', at);
  if (comma < 0) return text.length;
  return isPlain(text, at, comma) ? comma : guardedEnd(text, at, comments);
}

// Nothing before the comma that could keep it from being a separator.
function isPlain(text: string, at: number, comma: number): boolean {
  const before = text.slice(at, comma);
  return !before.includes('"') && !before.includes('<') && !before.includes('(');
}

function guardedEnd(text: string, at: number, comments: boolean): number {
  let i = at;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === COMMA) return i;
    if (code === QUOTE) i = closing(text, quotedEnd(text, i));
    else if (code === LESS) i = closing(text, text.indexOf('>', i) + 1);
    else if (comments && code === OPEN) i = closing(text, commentEnd(text, i));
    else i++;
  }
  return text.length;
}

// What is never closed reaches to the end; the reader of the element refuses it.
function closing(text: string, end: number): number {
  return end > 0 ? end : text.length;
}

function commentEnd(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) i++;
    else if (code === OPEN) depth++;
    else if (code === 0x29 && --depth === 0) return i + 1;
  }
  return -1;
}

/** Elements of a comma-separated value, trimmed; empty ones are kept for the caller to judge. */
export function splitList(text: string, name = ''): string[] {
  const comments = withComments.has(name);
  const elements: string[] = [];
  for (let at = 0; at <= text.length; ) {
    const end = elementEnd(text, at, comments);
    elements.push(trimmed(text.slice(at, end)));
    at = end + 1;
  }
  return elements;
}
