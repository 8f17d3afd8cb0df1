// What people may write into a topic. Each function gives the value as it is stored, or throws `invalid` that names the field.
import { ChatError } from '../chat.ts';
import { nameField } from '../fields.ts';
import { isUser, parsePrincipal } from '../principal.ts';

const MAX_NAME = 64;
const MAX_WORDS = 500;
const MAX_ROOMS = 50;

const invalid = (message: string): ChatError => new ChatError('invalid', message);

export function topicName(value: unknown): string {
  const name = nameField('name', value);
  if ([...name].length > MAX_NAME) throw invalid(`name: must have at most ${MAX_NAME} characters`);
  return name;
}

/** Undefined where there are none. */
export function wordsField(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw invalid('words: must be a text');
  if (value.length > MAX_WORDS) throw invalid(`words: must have at most ${MAX_WORDS} characters`);
  if (!value.isWellFormed() || value.includes('\0')) throw invalid('words: is not valid Unicode');
  return value.trim() || undefined;
}

export function authorField(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const author = parsePrincipal(value as string, 'author');
  if (!isUser(author)) throw invalid('author: must be a user such as alice@contoso.lab');
  return author;
}

/** Names or ids; undefined where there are none. */
export function roomsField(value: readonly string[] | undefined): readonly string[] | undefined {
  if (value === undefined || value.length === 0) return undefined;
  if (value.length > MAX_ROOMS) throw invalid(`rooms: more than ${MAX_ROOMS}`);
  return value;
}
