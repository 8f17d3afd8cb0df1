// Reads a request's JSON, no more of it and no longer than is allowed.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { WebError } from './problem.ts';

export interface BodyLimits {
  bytes: number;
  seconds: number;
}

/** Rejects with 400, 408, 413 or 415. Undefined where there is none. */
export async function readJson(
  request: IncomingMessage,
  response: ServerResponse,
  limits: BodyLimits,
): Promise<unknown> {
  if (!hasBody(request)) return undefined;
  // Also keeps pages of other origins out: no form can send this type, so a browser asks first.
  if (!/^application\/(merge-patch\+)?json\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
    throw new WebError(415, 'invalid', 'the body has to be application/json');
  if (request.headers['content-encoding'] !== undefined)
    throw new WebError(415, 'invalid', 'the body may not be compressed');
  if (Number(request.headers['content-length'] ?? 0) > limits.bytes) throw tooLarge(limits);
  continueIfAsked(request, response);
  const bytes = await readAll(request, limits);
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new WebError(400, 'invalid', `the body is no JSON: ${(error as Error).message}`);
  }
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** RFC 9110 10.1.1: only when nothing speaks against the request is its body asked for. */
export function continueIfAsked(request: IncomingMessage, response: ServerResponse): void {
  if (/^100-continue$/i.test(request.headers.expect ?? '') && !response.headersSent) response.writeContinue();
}

const tooLarge = ({ bytes }: BodyLimits): WebError =>
  new WebError(413, 'too-large', `the body may have ${bytes} bytes at most`);

function readAll(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const timer = setTimeout(
    () => reject(new WebError(408, 'invalid', `the body did not come within ${limits.seconds} seconds`)),
    limits.seconds * 1000,
  );
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limits.bytes) reject(tooLarge(limits));
    else chunks.push(chunk);
  });
  request.once('end', () => resolve(Buffer.concat(chunks)));
  request.once('error', reject);
  request.once('close', () => reject(new WebError(400, 'invalid', 'the body ended early')));
  return promise.finally(() => {
    clearTimeout(timer);
    request.removeAllListeners('data');
    request.pause();
  });
}
