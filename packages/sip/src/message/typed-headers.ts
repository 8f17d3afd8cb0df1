import { digitsEnd, isDigits, spaceEnd, tokenEnd } from './characters.ts';
import { malformed, SipError } from './error.ts';
import { elementEnd, splitList } from './lists.ts';
import type { SipMessage } from './message.ts';
import { NameAddr } from './name-addr.ts';
import { Via } from './via.ts';

export interface CSeq {
  seq: number;
  method: string;
}

export function readRequired(message: SipMessage, name: string): string {
  const value = message.get(name);
  if (value === undefined) throw new SipError(400, `Missing ${name}`);
  if (value === '') throw malformed(name);
  return value;
}

export function readVia(message: SipMessage): Via {
  const value = readRequired(message, 'via');
  return Via.parse(value.slice(0, elementEnd(value, 0)));
}

export function readVias(message: SipMessage): Via[] {
  return message.getAll('via').flatMap((value) => splitList(value).map(Via.parse));
}

export function readAddress(message: SipMessage, name: string): NameAddr {
  return NameAddr.parse(readRequired(message, name), name);
}

/** `names` is the plural of the header's name. */
export function readAddresses(message: SipMessage, names: string): NameAddr[] {
  const name = names.slice(0, -1);
  return message
    .getAll(name)
    .flatMap((value) => splitList(value).map((element) => NameAddr.parse(element, name)));
}

// RFC 3261 8.1.1.5: less than 2**31.
export function readCSeq(message: SipMessage): CSeq {
  const value = readRequired(message, 'cseq');
  const seqEnd = digitsEnd(value, 0);
  const methodAt = spaceEnd(value, seqEnd);
  const seq = Number(value.slice(0, seqEnd));
  const isWhole = seqEnd > 0 && methodAt > seqEnd && methodAt < value.length;
  if (!isWhole || tokenEnd(value, methodAt) !== value.length || seq >= 2 ** 31) throw malformed('cseq');
  return { seq, method: value.slice(methodAt) };
}

export function readNumber(message: SipMessage, name: string, most: number): number | undefined {
  const value = message.get(name);
  if (value === undefined) return undefined;
  if (!isDigits(value) || Number(value) > most) throw malformed(name);
  return Number(value);
}

export function readContentType(message: SipMessage): string | undefined {
  const [type = ''] = (message.get('content-type') ?? '').split(';');
  return type === '' ? undefined : type.replace(/[ \t]/g, '').toLowerCase();
}
