import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { SipError } from './error.ts';
import { parseMessage } from './parse.ts';
import { SipRequest } from './request.ts';
import { SipResponse } from './response.ts';
import { validateRequest } from './validate.ts';

const testdata = new URL('../../testdata/', import.meta.url);

/** The messages of an RFC by name, bit by bit as its archive has them. */
export function tortureMessages(rfc: 'rfc4475' | 'rfc5118'): Map<string, Buffer> {
  const folder = new URL(`${rfc}/`, testdata);
  return new Map(
    readdirSync(folder).map((file) => [file.replace('.dat', ''), readFileSync(new URL(file, folder))]),
  );
}

/**
 * A message of the archive of RFC 5118 as its section means it. The archive has LF for CRLF, leaves the empty line out of two
 * messages and counts three bodies wrong, none of which the sections are about.
 */
export function onTheWire(archived: Buffer): Buffer {
  const [head = '', body = ''] = archived
    .toString('latin1')
    .trimEnd()
    .replaceAll('\n', '\r\n')
    .split('\r\n\r\n');
  const whole = body === '' ? '' : `${body}\r\n`;
  return Buffer.from(
    `${head.replace(/(?<=Content-Length: )\d+/, String(whole.length))}\r\n\r\n${whole}`,
    'latin1',
  );
}

export function parsedRequest(bytes: Uint8Array): SipRequest {
  const message = parseMessage(bytes);
  expect(message).toBeInstanceOf(SipRequest);
  return message as SipRequest;
}

export function parsedResponse(bytes: Uint8Array): SipResponse {
  const message = parseMessage(bytes);
  expect(message).toBeInstanceOf(SipResponse);
  return message as SipResponse;
}

/** What an element that receives these bytes answers: undefined when it goes on to serve the request. */
export function refusal(bytes: Uint8Array): { status: number; answer: SipResponse | undefined } | undefined {
  let request: SipRequest | undefined;
  try {
    request = parsedRequest(bytes);
    validateRequest(request);
  } catch (error) {
    if (!(error instanceof SipError)) throw error;
    const asked = error.request ?? request;
    return { status: error.status, answer: asked && SipResponse.to(asked, error.status, error.reason) };
  }
  return undefined;
}
