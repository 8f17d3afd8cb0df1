// Asks the web surface as a program does.
import type { IncomingHttpHeaders } from 'node:http';
import { type Agent, type RequestOptions, request } from 'node:https';
import { answerChallenge } from '@linchpin/sip';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON there is
  json: any;
}

export interface Asking {
  method?: string;
  headers?: Record<string, string>;
  /** Sent as JSON, or as it is where it is text or bytes. */
  body?: unknown;
  options?: RequestOptions;
}

export type Ask = (path: string, asking?: Asking) => Promise<Answer>;

export const createAsk =
  (port: () => number, agent: Agent): Ask =>
  (path, { method = 'GET', headers = {}, body, options = {} } = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const raw = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      const type = body === undefined ? {} : { 'content-type': 'application/json' };
      const asking = request(
        {
          host: '127.0.0.1',
          port: port(),
          path,
          method,
          agent,
          headers: {
            ...type,
            ...(raw && !headers['transfer-encoding'] && { 'content-length': Buffer.byteLength(raw) }),
            ...headers,
          },
          ...options,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const isJson = /json/.test(response.headers['content-type'] ?? '') && text !== '';
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text,
              json: isJson ? JSON.parse(text) : undefined,
            });
          });
        },
      );
      asking.on('error', reject);
      asking.end(raw);
    });

/** Asks for a token by digest: once to be challenged, once with the answer. */
export async function signIn(ask: Ask, username: string, password: string, ncCount = 1) {
  const challenged = await ask('/v1/token', { method: 'POST' });
  const challenge = challenged.headers['www-authenticate'] ?? '';
  const authorization = answerChallenge(firstOf(challenge), {
    username,
    password,
    method: 'POST',
    uri: '/v1/token',
    ncCount,
  });
  return ask('/v1/token', { method: 'POST', headers: { authorization } });
}

/** Node joins the lines of a header with commas. */
export const firstOf = (challenges: string): string => challenges.split(', Digest ')[0] ?? '';
