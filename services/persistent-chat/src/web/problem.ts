// Every refusal of this surface is made here, as a problem (RFC 9457).
import { STATUS_CODES } from 'node:http';
import { ChatError, type ChatErrorCode } from '../chat.ts';

/** One thing that is wrong with a request: where (`body.name`) and what. */
export interface Mistake {
  at: string;
  message: string;
}

export interface Problem {
  type: 'about:blank';
  title: string;
  status: number;
  detail: string;
  /** What programs go by. */
  code: string;
  errors?: Mistake[];
}

/** What this surface refuses itself, before anything else is asked. */
export class WebError extends Error {
  override readonly name = 'WebError';
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string | string[]>;
  readonly errors: Mistake[] | undefined;

  constructor(status: number, code: string, message: string, more: WebErrorDetails = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = more.headers ?? {};
    this.errors = more.errors;
  }
}

interface WebErrorDetails {
  headers?: Record<string, string | string[]>;
  errors?: Mistake[];
}

const statusOf: Record<ChatErrorCode, number> = {
  invalid: 400,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  limit: 429,
  unavailable: 503,
  full: 507,
};

/** Seconds to wait where whoever refused does not say. */
const RETRY_AFTER = 2;

export interface Refusal {
  problem: Problem;
  headers: Record<string, string | string[]>;
  /** Nobody meant it: to be logged. */
  defect: boolean;
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof WebError) {
    const { status, code, message, headers, errors } = error;
    return { problem: problem(status, code, message, errors), headers, defect: false };
  }
  if (error instanceof ChatError) {
    const status = statusOf[error.code];
    const waits =
      error.retryAfter ?? (error.code === 'limit' || error.code === 'unavailable' ? RETRY_AFTER : 0);
    const headers: Record<string, string> = waits > 0 ? { 'retry-after': String(Math.ceil(waits)) } : {};
    return { problem: problem(status, error.code, error.message), headers, defect: false };
  }
  return {
    problem: problem(500, 'internal', 'the server failed; its log says why'),
    headers: {},
    defect: true,
  };
}

const problem = (status: number, code: string, detail: string, errors?: Mistake[]): Problem => ({
  type: 'about:blank',
  title: STATUS_CODES[status] ?? 'Error',
  status,
  detail,
  code,
  ...(errors && { errors }),
});
