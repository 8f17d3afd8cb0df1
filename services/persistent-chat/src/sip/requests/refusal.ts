// Every refusal of this surface is made here.
import type { Logger } from '@linchpin/host';
import { diagnostics, newTag, SipError, type SipRequest, SipResponse, toWireText } from '@linchpin/sip';
import { ChatError, type ChatErrorCode } from '../../chat.ts';

type Rule =
  | ChatErrorCode
  | 'media-type'
  | 'no-session'
  | 'event-package'
  | 'method'
  | 'no-dialog'
  | 'internal';
type Headers = [name: string, value: string][];

/** Thrown for what SIP itself has a word for. */
export class SipRefusal extends Error {
  override readonly name = 'SipRefusal';
  readonly status: number;
  readonly rule: Rule;
  readonly headers: Headers;

  constructor(status: number, message: string, rule: Rule, headers: Headers = []) {
    super(message);
    this.status = status;
    this.rule = rule;
    this.headers = headers;
  }
}

/** The codes in ms-diagnostics ([MS-OCER] 2.2.1); those of Front Ends end below 1120. */
const codes: Record<Rule, number> = {
  invalid: 1120,
  'not-found': 1121,
  forbidden: 1122,
  conflict: 1123,
  'too-large': 1124,
  limit: 1125,
  unavailable: 1126,
  'media-type': 1127,
  'no-session': 1128,
  'event-package': 1129,
  method: 1130,
  'no-dialog': 1131,
  internal: 1132,
  full: 1133,
};

const statusOf: Record<ChatErrorCode, number> = {
  invalid: 400,
  'not-found': 404,
  forbidden: 403,
  conflict: 400,
  'too-large': 413,
  // The server can serve others, so this is none of its 503 (RFC 3261 21.4.18).
  limit: 480,
  unavailable: 503,
  full: 503,
};

/** Seconds, for who does not say better. */
const RETRY_AFTER = 3;
const isForNow = (code: ChatErrorCode): boolean => code === 'limit' || code === 'unavailable';

export function toRefusal(error: unknown, log: Logger): SipRefusal {
  if (error instanceof SipRefusal) return error;
  if (error instanceof ChatError) return ofChat(error);
  if (error instanceof SipError) return new SipRefusal(error.status, error.reason, 'invalid');
  log.error({ err: error }, 'a request for a room could not be handled');
  return new SipRefusal(500, 'Server Internal Error', 'internal');
}

function ofChat({ code, message, retryAfter = RETRY_AFTER }: ChatError): SipRefusal {
  const headers: Headers = isForNow(code) ? [['Retry-After', String(Math.ceil(retryAfter))]] : [];
  return new SipRefusal(statusOf[code], message, code, headers);
}

export interface Refused {
  request: SipRequest;
  identity: string;
  traceparent: string;
}

/** Logs the refusal, and makes the answer that names the log line. */
export function refusalAnswer(error: unknown, about: Refused, pod: string, log: Logger): SipResponse {
  const refusal = toRefusal(error, log);
  const { status, message, rule, headers } = refusal;
  const { request, identity, traceparent } = about;
  const id = newTag();
  log[status >= 500 ? 'warn' : 'info'](
    {
      id,
      rule,
      status,
      reason: message,
      method: request.method,
      uri: request.uri,
      callId: request.callId,
      identity,
      traceparent,
    },
    'refused',
  );
  const why = diagnostics(codes[rule], message, pod, id);
  return SipResponse.to(request, status, oneLine(message), { headers: [...headers, why] });
}

const oneLine = (text: string): string => toWireText(text.replace(/[\r\n]+/g, ' ').slice(0, 200));
