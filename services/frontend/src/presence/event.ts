import { type EventHeader, parseEvent, type SipRequest } from '@linchpin/sip';
import { Refused } from '../refused.ts';

/** The Event header of a request for presence. RFC 6665 7.2: a 489 names what would be served. */
export function presenceEvent(request: SipRequest): EventHeader {
  const event = eventOf(request);
  if (event?.package !== 'presence')
    throw new Refused(489, 'Bad Event', 'event-package', [['Allow-Events', 'presence']]);
  return event;
}

function eventOf(request: SipRequest): EventHeader | undefined {
  try {
    return parseEvent(request.get('event'));
  } catch {
    return undefined;
  }
}
