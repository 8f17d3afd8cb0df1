// What a post may say.
import type { PersistentChatConfigurationSpec } from '@linchpin/topology';
import { ChatError, type Posting } from '../chat.ts';
import { MAX_RUN_BYTES } from '../queue.ts';
import { refusedScheme } from './links.ts';

export type Sizes = Pick<PersistentChatConfigurationSpec, 'maxMessageCharacters' | 'maxStoryCharacters'>;

const MAX_CLIENT_ID = 64;
const MAX_SUBJECT = 256;
const MAX_FILES = 20;
const MAX_REACTION = 32;
/** An edit tells what it said and what it says now, in one message of NATS. */
const MAX_BODY_BYTES = MAX_RUN_BYTES * 0.45;

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const CONTROL_OR_LINE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface Text {
  subject?: string;
  body: string;
}

/** As it is stored. Throws `invalid` or `too-large`, naming the field. */
export function checkPosting(posting: Posting, sizes: Sizes): Posting {
  const { clientId, thread, files = [] } = posting;
  requireLine('clientId', clientId, MAX_CLIENT_ID);
  if (thread !== undefined) requireNumber('thread', thread);
  if (files.length > MAX_FILES) throw invalid('files', `more than ${MAX_FILES}`);
  for (const file of files) if (!UUID.test(file)) throw invalid('files', 'not an id of a file');
  if (new Set(files.map((file) => file.toLowerCase())).size < files.length)
    throw invalid('files', 'names a file twice');
  return { ...checkText(posting, sizes), clientId, files, ...(thread !== undefined && { thread }) };
}

/** With `subject` it may be as long as a story. Lines end with "\n", however they came. */
export function checkText({ subject, body }: Text, sizes: Sizes): Text {
  if (subject !== undefined && subject !== '') {
    requireLine('subject', subject, MAX_SUBJECT);
    requireLinks('subject', subject);
  }
  const isStory = Boolean(subject);
  const text = typeof body === 'string' ? body.replaceAll('\r\n', '\n') : body;
  requireText('body', text);
  requireSize('body', text, isStory ? sizes.maxStoryCharacters : sizes.maxMessageCharacters);
  requireLinks('body', text);
  return { body: text, ...(isStory && { subject: subject as string }) };
}

export function checkReaction(reaction: string): void {
  requireLine('reaction', reaction, MAX_REACTION);
}

export function requireNumber(field: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) throw invalid(field, 'must be the number of a post');
}

function requireText(field: string, text: string): void {
  if (typeof text !== 'string' || text.trim() === '') throw invalid(field, 'is empty');
  if (!text.isWellFormed()) throw invalid(field, 'is not valid Unicode');
  if (CONTROL.test(text)) throw invalid(field, 'holds a control character other than tab and newline');
}

function requireLine(field: string, text: string, max: number): void {
  requireText(field, text);
  if (CONTROL_OR_LINE.test(text)) throw invalid(field, 'must be one line');
  requireSize(field, text, max);
}

function requireSize(field: string, text: string, max: number): void {
  // A character is one or two units.
  if (text.length > max && (text.length > 2 * max || [...text].length > max))
    throw new ChatError('too-large', `${field}: longer than ${max} characters`);
  // A unit is at most three bytes, and JSON writes one of ours as at most two characters.
  if (text.length * 3 > MAX_BODY_BYTES && Buffer.byteLength(JSON.stringify(text)) > MAX_BODY_BYTES)
    throw new ChatError('too-large', `${field}: longer than ${MAX_BODY_BYTES} bytes`);
}

function requireLinks(field: string, text: string): void {
  const scheme = refusedScheme(text);
  if (scheme !== undefined) throw invalid(field, `links to "${scheme}:" are not allowed`);
}

export const invalid = (field: string, why: string): ChatError =>
  new ChatError('invalid', `${field}: ${why}`);
