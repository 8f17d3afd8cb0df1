// Which web pages may use this from a browser: those of the origins that are configured, and none else (Fetch standard, CORS).
import type { IncomingMessage, ServerResponse } from 'node:http';
import { WebError } from './problem.ts';

export interface Origins {
  /** Says so in the answer. Throws 403 for a page of another origin that wants to change something. */
  admit(request: IncomingMessage, response: ServerResponse): void;
  /** Answers a browser that asks before it sends the request itself. */
  preflight(response: ServerResponse, methods: readonly string[]): void;
}

const PREFLIGHT_SECONDS = 600;
const EXPOSED = 'Location, Retry-After, WWW-Authenticate, Content-Disposition, Content-Range';
const REQUEST_HEADERS = 'Authorization, Content-Type, Last-Event-ID, Range';

export function createOrigins(configured: readonly string[]): Origins {
  const allowed = new Set(configured.map((origin) => new URL(origin).origin));

  return {
    admit(request, response) {
      if (allowed.size > 0) response.setHeader('vary', 'Origin');
      const { origin, host } = request.headers;
      if (origin === undefined || origin === `https://${host}`) return;
      if (allowed.has(origin)) {
        response.setHeader('access-control-allow-origin', origin);
        response.setHeader('access-control-expose-headers', EXPOSED);
        response.setHeader('cross-origin-resource-policy', 'cross-origin');
        return;
      }
      // A browser may add the digest that it knows to what any page asks for.
      if (!['GET', 'HEAD', 'OPTIONS'].includes(request.method ?? ''))
        throw new WebError(403, 'forbidden', `pages of ${printable(origin)} may not use this`);
    },
    preflight(response, methods) {
      if (!response.hasHeader('access-control-allow-origin')) return;
      response.setHeader('access-control-allow-methods', methods.join(', '));
      response.setHeader('access-control-allow-headers', REQUEST_HEADERS);
      response.setHeader('access-control-max-age', PREFLIGHT_SECONDS);
    },
  };
}

const printable = (origin: string): string => origin.slice(0, 100);
