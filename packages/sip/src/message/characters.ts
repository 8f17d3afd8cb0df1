// Character classes of RFC 3261 25.1 as bit masks. Header text is latin1, so every character is one byte.
const TOKEN = 1;
const PARAM_VALUE = 2;
const SPACE = 4;
const HOST = 8;
const DIGIT = 16;
const USER = 32;
const PASSWORD = 64;
const URI_PARAM = 128;
const URI_TEXT = 256;

const classes = new Uint16Array(256);

function mark(characters: string, mask: number): void {
  for (const byte of Buffer.from(characters)) classes[byte] = (classes[byte] ?? 0) | mask;
}

const digits = '0123456789';
const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const unreserved = `${letters}${digits}-_.!~*'()`;
mark(`${letters}${digits}-.!%*_+\`'~`, TOKEN);
// gen-value is token / host / quoted-string. What else peers are known to send (base64 in branch and tag) is let through.
mark(`${letters}${digits}-.!%*_+\`'~[]:/=@&$?#^{}|()`, PARAM_VALUE);
mark(' \t', SPACE);
mark(`${letters}${digits}-._`, HOST);
mark(digits, DIGIT);
mark(`${unreserved}%&=+$,;?/`, USER);
mark(`${unreserved}%&=+$,`, PASSWORD);
mark(`${unreserved}%[]/:&+$`, URI_PARAM);
mark(`${unreserved}%;/?:@&=+$,[]#\`\\^{}|`, URI_TEXT);

function end(text: string, at: number, mask: number): number {
  let i = at;
  while (i < text.length && ((classes[text.charCodeAt(i)] ?? 0) & mask) !== 0) i++;
  return i;
}

// Each returns the first position at or after `at` that is not of its class.
export const spaceEnd = (text: string, at: number): number => end(text, at, SPACE);
export const tokenEnd = (text: string, at: number): number => end(text, at, TOKEN);
export const paramValueEnd = (text: string, at: number): number => end(text, at, PARAM_VALUE);
export const hostEnd = (text: string, at: number): number => end(text, at, HOST);
export const digitsEnd = (text: string, at: number): number => end(text, at, DIGIT);
/** Visible ASCII without quotes and angle brackets: how far a URI of any scheme reaches. */
export const uriTextEnd = (text: string, at: number): number => end(text, at, URI_TEXT);

const only = (text: string, mask: number): boolean => text.length > 0 && end(text, 0, mask) === text.length;
export const isToken = (text: string): boolean => only(text, TOKEN);
export const isDigits = (text: string): boolean => only(text, DIGIT);
export const isUser = (text: string): boolean => only(text, USER);
export const isPassword = (text: string): boolean => end(text, 0, PASSWORD) === text.length;
export const isUriParam = (text: string): boolean => only(text, URI_PARAM);
export const isUriText = (text: string): boolean => only(text, URI_TEXT);

/** Whether every '%' starts an escape of two hexadecimal digits. */
export function escapesAreWhole(text: string): boolean {
  for (let i = text.indexOf('%'); i >= 0; i = text.indexOf('%', i + 3)) {
    if (!/^[0-9a-fA-F]{2}$/.test(text.slice(i + 1, i + 3))) return false;
  }
  return true;
}
