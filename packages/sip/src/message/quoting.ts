// RFC 3261 25.1: quoted-string with quoted-pair.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Position after the closing quote of the quoted string that starts at `at`, or -1 when nothing closes it. */
export function quotedEnd(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i + 1;
    if (code === BACKSLASH) i++;
  }
  return -1;
}

/** Takes the quotes off; text that is not quoted stays as it is. */
export function unquote(text: string): string {
  if (text.charCodeAt(0) !== QUOTE) return text;
  const inside = text.slice(1, -1);
  return inside.includes('\\') ? inside.replace(/\\([\s\S])/g, '$1') : inside;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 3261 25.1 wants exactly these in a quoted-pair
const toBeEscaped = /["\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g;

export function quote(text: string): string {
  return `"${text.replace(toBeEscaped, '\\$&')}"`;
}

/** UTF-8 text of a person as header text, where each character stands for one byte. */
export function toWireText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Header text as a person reads it. Bytes that are not UTF-8 become U+FFFD. */
export function fromWireText(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
