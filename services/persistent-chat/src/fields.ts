// What people may write into the fields of rooms and categories. Each function gives the value as it is stored, or throws
// `invalid` that names the field and says what is allowed.
import { ChatError } from './chat.ts';

const MAX_NAME = 256;
const MAX_DESCRIPTION = 1_024;
const MAX_URL = 2_048;

// Control characters, halves of surrogate pairs, line separators, and marks that turn the direction of what follows: with
// them a name can look like another.
const UNFIT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;
const UNFIT_IN_TEXT = /(?![\n\t])[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const invalid = (message: string): ChatError => new ChatError('invalid', message);

/** One way of writing for one name: composed letters, single spaces, none at the ends. */
export function nameField(field: string, value: unknown): string {
  const text = textOf(field, value).normalize('NFC').replace(/ +/g, ' ').trim();
  const length = [...text].length;
  if (length < 1 || length > MAX_NAME) throw invalid(`${field}: must have 1 to ${MAX_NAME} characters`);
  if (UNFIT.test(text)) throw invalid(`${field}: must not hold control characters or line breaks`);
  // Rooms are asked for by id or name.
  if (UUID.test(text)) throw invalid(`${field}: must not look like an id`);
  return text;
}

export function descriptionField(field: string, value: unknown): string {
  const text = textOf(field, value).normalize('NFC').trim();
  if ([...text].length > MAX_DESCRIPTION)
    throw invalid(`${field}: must have at most ${MAX_DESCRIPTION} characters`);
  if (UNFIT_IN_TEXT.test(text))
    throw invalid(`${field}: must not hold control characters other than line breaks and tabs`);
  return text;
}

export function booleanField(field: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalid(`${field}: must be true or false`);
  return value;
}

export function wordField<W extends string>(field: string, value: unknown, words: readonly W[]): W {
  const word = words.find((each) => each === value);
  if (word === undefined) throw invalid(`${field}: must be ${words.map((each) => `"${each}"`).join(' or ')}`);
  return word;
}

export function wholeField(field: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(`${field}: must be a whole number from ${min} to ${max}`);
}

/** The address of an add-in; empty: none. */
export function addInField(field: string, value: unknown): string | undefined {
  const text = textOf(field, value).trim();
  if (text === '') return undefined;
  const url = text.length <= MAX_URL && URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '')
    throw invalid(`${field}: must be an https URL without user name, of at most ${MAX_URL} characters`);
  return url.href;
}

function textOf(field: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(`${field}: must be a text`);
  return value;
}

/** A room or category as somebody names it: its id or name. What cannot be either is as one that is not there. */
export const keyOf = (key: unknown): { id: string } | { name: string } => {
  const text = typeof key === 'string' ? key.replaceAll('\0', '').slice(0, 1_024) : '';
  return UUID.test(text) ? { id: text } : { name: text };
};
