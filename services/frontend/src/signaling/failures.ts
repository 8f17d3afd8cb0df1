import type { Logger } from '@linchpin/host';
import { SipError } from '@linchpin/sip';
import { Refused } from '../refused.ts';
import { StateUnavailable } from '../state-unavailable.ts';

/** Seconds, spread so that not everybody comes at once; few, for a pool has another owner by then and a write has waited already. */
export const retryAfter = (): [string, string][] => [
  ['Retry-After', String(1 + Math.floor(Math.random() * 3))],
];

const ruleOfStatus: Record<number, string> = {
  416: 'uri-scheme',
  420: 'extension-required',
  482: 'loop',
  483: 'max-forwards',
};

/** RFC 3261 16.3 and what cannot be read. */
export const malformedAs = (status: number, reason: string, headers: [string, string][] = []): Refused =>
  new Refused(status, reason, ruleOfStatus[status] ?? 'malformed', headers);

/** The one place where what is thrown, anywhere in this role, becomes an answer. */
export function toRefused(error: unknown, log: Logger): Refused {
  if (error instanceof Refused) return error;
  if (error instanceof SipError) return malformedAs(error.status, error.reason);
  if (error instanceof StateUnavailable) return unavailable('state-unavailable');
  log.error({ err: error }, 'a request could not be handled');
  return new Refused(500, 'Server Internal Error', 'internal-error');
}

export const unavailable = (rule: 'state-unavailable' | 'not-loaded'): Refused =>
  new Refused(503, 'The store of user state is away', rule, retryAfter());

/** An ACK has no answer: its sender learns what is wrong from the next request in the dialog. */
export function withoutAnswer(handle: () => void, log: Logger): void {
  try {
    handle();
  } catch (error) {
    const { rule, message } = toRefused(error, log);
    log.debug({ rule, reason: message }, 'an ACK was not passed on');
  }
}

/** A defect that one message brings to light must not end the service of everybody else: it is told, and the message is lost. */
export function survive(handle: () => void, log: Logger): void {
  try {
    handle();
  } catch (error) {
    log.error({ err: error }, 'a message could not be handled');
  }
}
