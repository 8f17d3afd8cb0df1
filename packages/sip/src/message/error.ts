import type { SipRequest } from './request.ts';

/**
 * The one error of this package: what came from a peer cannot be served. `status` is the SIP answer that fits it,
 * `reason` the reason phrase, which never repeats the peer's bytes.
 */
export class SipError extends Error {
  readonly status: number;
  readonly reason: string;
  /** What could be read of a request that failed to parse, enough to answer it (RFC 3261 8.2.6). */
  request: SipRequest | undefined;

  constructor(status: number, reason: string) {
    super(`${status} ${reason}`);
    this.name = 'SipError';
    this.status = status;
    this.reason = reason;
    this.request = undefined;
  }
}

export function malformed(what: string): SipError {
  return new SipError(400, `Malformed ${what}`);
}
