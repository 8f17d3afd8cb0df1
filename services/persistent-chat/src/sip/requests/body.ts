// What clients put into MESSAGE: text, text within CPIM (RFC 3862), and notices that are not for people.
import { gunzipSync, inflateSync } from 'node:zlib';
import type { SipRequest } from '@linchpin/sip';
import { ChatError } from '../../chat.ts';
import { SipRefusal } from './refusal.ts';

/** What a room takes. */
export const ACCEPTED = 'text/plain, message/cpim';

/** Typing (RFC 3994) and receipts (RFC 5438): a room has no use for them, and their senders nothing to learn from a refusal. */
const notices = new Set(['application/im-iscomposing+xml', 'message/imdn+xml']);

/** The text that a person wrote; undefined for a notice. Throws SipRefusal or ChatError for what cannot be read. */
export function textOf(request: SipRequest): string | undefined {
  const type = request.get('content-type') ?? 'text/plain';
  return isNotice(type) ? undefined : textIn(type, unpacked(request));
}

const isNotice = (contentType: string): boolean => notices.has(typeAndParams(contentType)[0] ?? '');

/** linphone packs what it sends where it is told to. */
function unpacked(request: SipRequest): Uint8Array {
  const encoding = request.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return request.body;
  const unpack = unpackers[encoding];
  if (!unpack)
    throw new SipRefusal(415, `A room cannot read the encoding ${encoding}`, 'media-type', [
      ['Accept-Encoding', Object.keys(unpackers).join(', ')],
    ]);
  try {
    return unpack(request.body, { maxOutputLength: MOST_UNPACKED });
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
      throw new ChatError('too-large', `Unpacked it has more than ${MOST_UNPACKED} bytes`);
    throw new ChatError('invalid', `This is no ${encoding}`);
  }
}

/** Bytes; no post may have so many. */
const MOST_UNPACKED = 1_048_576;
const unpackers: Record<string, (body: Uint8Array, options: { maxOutputLength: number }) => Uint8Array> = {
  deflate: inflateSync,
  gzip: gunzipSync,
};

const typeAndParams = (contentType: string): string[] =>
  contentType.split(';').map((part) => part.trim().toLowerCase());

function textIn(contentType: string, body: Uint8Array): string | undefined {
  const [type = '', ...params] = typeAndParams(contentType);
  if (notices.has(type)) return undefined;
  if (type === 'text/plain') return lines(decoded(body, params));
  if (type === 'message/cpim') return unwrapped(Buffer.from(body));
  throw new SipRefusal(415, `A room takes no ${type}`, 'media-type', [['Accept', ACCEPTED]]);
}

/** RFC 3862 2: headers of the message, headers of what is in it, and that itself. Who sent it is known better than it says. */
function unwrapped(body: Buffer): string | undefined {
  const [, inner] = split(body);
  const [head, content] = split(inner);
  const type = /^content-type:\s*([^\r\n]+)/im.exec(head)?.[1] ?? 'text/plain';
  if (/^message\/cpim/i.test(type)) throw new ChatError('invalid', 'There is CPIM within CPIM');
  return textIn(type, content);
}

function split(bytes: Buffer): [head: string, rest: Buffer] {
  const crlf = bytes.indexOf('\r\n\r\n');
  const lf = bytes.indexOf('\n\n');
  const isCrlf = crlf >= 0 && (lf < 0 || crlf < lf);
  const at = isCrlf ? crlf : lf;
  if (at < 0) throw new ChatError('invalid', 'This is no CPIM (RFC 3862)');
  return [bytes.subarray(0, at).toString('latin1'), bytes.subarray(at + (isCrlf ? 4 : 2))];
}

function decoded(body: Uint8Array, params: readonly string[]): string {
  const charset = params.find((param) => param.startsWith('charset='))?.slice('charset='.length) ?? 'utf-8';
  try {
    return new TextDecoder(charset.replaceAll('"', ''), { fatal: true }).decode(body);
  } catch {
    throw new ChatError('invalid', `The text is not ${charset}`);
  }
}

const lines = (text: string): string => text.replaceAll('\r\n', '\n');
