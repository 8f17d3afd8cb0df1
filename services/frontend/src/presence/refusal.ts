import { type EventHeader, parseEvent, type SipRequest } from '@linchpin/sip';

/** Thrown where a rule of presence refuses a request; `index.ts` makes the answer of it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  /** Which rule it was, for the log and for ms-diagnostics. */
  readonly rule: string;
  readonly headers: [name: string, value: string][];

  /** `reason` is the reason phrase, so it repeats nothing of the request. */
  constructor(status: number, reason: string, rule: string, headers: [string, string][] = []) {
    super(reason);
    this.status = status;
    this.rule = rule;
    this.headers = headers;
  }
}

/** The Event header of a request for presence. RFC 6665 7.2: a 489 names what would be served. */
export function presenceEvent(request: SipRequest): EventHeader {
  const event = eventOf(request);
  if (event?.package !== 'presence')
    throw new Refusal(489, 'Bad Event', 'event-package', [['Allow-Events', 'presence']]);
  return event;
}

function eventOf(request: SipRequest): EventHeader | undefined {
  try {
    return parseEvent(request.get('event'));
  } catch {
    return undefined;
  }
}
