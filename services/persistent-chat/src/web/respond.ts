// How answers look, whatever they are.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { refusalOf } from './problem.ts';

type Headers = Record<string, string | number | string[]>;

/** Nothing here is a page: no browser is to show, frame, guess or keep it. */
const SECURITY: Headers = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

export function setSecurityHeaders(response: ServerResponse): void {
  for (const [name, value] of Object.entries(SECURITY)) response.setHeader(name, value);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Headers = {},
): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    ...headers,
  });
  response.end(body);
}

export function sendNothing(response: ServerResponse, status: number, headers: Headers = {}): void {
  response.writeHead(status, headers).end();
}

/** Resolves to the status. What has begun already can only be cut off. */
export function sendProblem(response: ServerResponse, error: unknown): { status: number; defect: boolean } {
  const { problem, headers, defect } = refusalOf(error);
  if (response.headersSent) {
    response.destroy();
    return { status: problem.status, defect };
  }
  // What a handler was about to say of its own answer does not hold for this one.
  for (const name of ['content-disposition', 'content-range', 'content-length']) response.removeHeader(name);
  sendJson(response, problem.status, problem, {
    ...headers,
    'content-type': 'application/problem+json; charset=utf-8',
  });
  return { status: problem.status, defect };
}

const LINGER_MS = 2_000;

/**
 * Who is refused in the middle of a body hears why only while the connection is open, and may not go on for as long as it likes:
 * after a moment it is cut.
 */
export function cutUnread(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    if (request.complete) return;
    request.resume();
    const timer = setTimeout(() => request.complete || request.socket.destroy(), LINGER_MS).unref();
    request.once('close', () => clearTimeout(timer));
  });
}
