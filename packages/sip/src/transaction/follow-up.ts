import { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';

/** The ACK of a final response but 2xx (RFC 3261 17.1.1.3). */
export function acknowledge(invite: SipRequest, response: SipResponse): SipRequest {
  return followUp(invite, 'ACK', response.get('to') ?? '');
}

/** RFC 3261 9.1. */
export function cancelOf(invite: SipRequest): SipRequest {
  return followUp(invite, 'CANCEL', invite.get('to') ?? '');
}

/** A request to the same next hop about the INVITE: its topmost Via, so that stateless proxies treat both alike. */
function followUp(invite: SipRequest, method: string, to: string): SipRequest {
  const [via = ''] = invite.values('via');
  return SipRequest.create(method, invite.uri, [
    ['Via', via],
    ...invite.getAll('route').map((value): [string, string] => ['Route', value]),
    ['Max-Forwards', '70'],
    ['From', invite.get('from') ?? ''],
    ['To', to],
    ['Call-ID', invite.callId],
    ['CSeq', `${invite.cseq.seq} ${method}`],
  ]);
}
