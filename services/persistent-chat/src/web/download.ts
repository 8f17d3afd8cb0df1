// The bytes of a file, as an attachment, whole or one range of them (RFC 9110 14).
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { OpenFile } from '../files/files.ts';
import { WebError } from './problem.ts';
import { sendNothing } from './respond.ts';

interface Range {
  first: number;
  last: number;
}

export async function sendFile(
  file: OpenFile,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<undefined> {
  const { bytes, name, type } = file.file;
  const range = rangeOf(request, bytes);
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('content-type', type);
  response.setHeader('content-disposition', attachment(name));
  response.setHeader('content-length', range ? range.last - range.first + 1 : bytes);
  if (range) response.setHeader('content-range', `bytes ${range.first}-${range.last}/${bytes}`);
  if (request.method === 'HEAD') return void sendNothing(response, range ? 206 : 200);
  const content = await file.read(range);
  response.writeHead(range ? 206 : 200);
  await pipeline(content, response);
}

/** Undefined: all of it, also where what is asked for is of another unit, several ranges, or bound to a validator that we never gave. */
function rangeOf({ headers }: IncomingMessage, bytes: number): Range | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range ?? '') ?? [];
  if ((first === '' && last === '') || headers['if-range'] !== undefined) return undefined;
  const range =
    first === ''
      ? { first: Math.max(0, bytes - Number(last)), last: bytes - 1 }
      : { first: Number(first), last: Math.min(last === '' ? bytes - 1 : Number(last), bytes - 1) };
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  if (range.first <= range.last) return range;
  throw new WebError(416, 'invalid', `the file has ${bytes} bytes`, {
    headers: { 'content-range': `bytes */${bytes}` },
  });
}

/** RFC 6266: plain ASCII for the old, UTF-8 for all others. */
export function attachment(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/gu, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
