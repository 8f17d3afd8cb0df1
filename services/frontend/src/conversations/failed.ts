import type { SipResponse } from '@linchpin/sip';
import { Refused } from '../refused.ts';

/** What a final response says when no endpoint but the proxy has given it; undefined where the caller knows why. */
export function failed({ status, reason }: SipResponse): Refused | undefined {
  switch (status) {
    case 487: // The caller has cancelled.
      return undefined;
    case 408:
      return new Refused(408, reason, 'no-answer');
    case 430: // RFC 5626 11.5: endpoints never get it.
      return new Refused(480, 'The endpoint has lost its connection', 'flow-gone');
    case 480:
      return new Refused(480, reason, 'no-endpoint');
    case 500:
    case 502:
      return new Refused(status, reason, 'not-delivered');
    default:
      return new Refused(status, reason, 'malformed');
  }
}
