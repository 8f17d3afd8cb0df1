import { randomUUID } from 'node:crypto';
import { newCallId, newTag, SipRequest, type SipResponse } from '@linchpin/sip';
import type { ClientFlow } from './flow.ts';
import { type Outcome, perform, type Requester, WayEnded } from './perform.ts';

export interface Registration {
  /** Registers over this flow. */
  over(flow: ClientFlow, seconds?: number): Promise<Outcome>;
  /** The server's way for further requests (RFC 3608). */
  readonly serviceRoute: readonly string[];
  /** Seconds. */
  readonly flowTimer: number;
  readonly granted: number;
}

const contactOf = (name: string, flow: ClientFlow): string =>
  `<sip:${name}@${flow.sentBy};transport=${flow.transport};ob>`;

export function createRegistration(
  by: Requester,
  onSetback: (why: string, begun: number) => void,
): Registration {
  const [name = '', domain = ''] = by.user.split('@');
  const callId = newCallId();
  const tag = newTag();
  const instance = `"<urn:uuid:${randomUUID()}>"`;
  let cseq = 0;
  let serviceRoute: string[] = [];
  let flowTimer = 120;
  let granted = 600;
  let least = 0;

  function make(flow: ClientFlow, seconds: number): SipRequest {
    // RFC 5626 4.2: the same instance and reg-id from whichever connection, so that a new one takes the old one's place.
    const contact = `${contactOf(name, flow)};+sip.instance=${instance};reg-id=1`;
    return SipRequest.create('REGISTER', `sip:${domain}`, [
      ['Max-Forwards', '70'],
      ['From', `<sip:${by.user}>;tag=${tag}`],
      ['To', `<sip:${by.user}>`],
      ['Call-ID', callId],
      ['CSeq', `${++cseq} REGISTER`],
      ['Contact', contact],
      ['Expires', String(seconds === 0 ? 0 : Math.max(seconds, least))],
      ['Supported', 'path, outbound'],
    ]);
  }

  function accept(response: SipResponse): void {
    serviceRoute = response.values('service-route');
    flowTimer = Number(response.get('flow-timer') ?? flowTimer);
    const own = response.contacts.find(({ params }) => params.get('+sip.instance') === instance.slice(1, -1));
    granted = Number(own?.params.get('expires') ?? response.expires ?? granted);
  }

  return {
    async over(flow, seconds = 600) {
      const what = seconds === 0 ? 'sign-out' : 'sign-in';
      const task = { what, make: () => make(flow, seconds), flow: async () => openOnly(flow), onSetback };
      let outcome = await perform(task, by);
      if (outcome.response?.status === 423) {
        least = Number(outcome.response.get('min-expires') ?? 0);
        outcome = await perform(task, by);
      }
      if (outcome.ok && seconds > 0) accept(outcome.response as SipResponse);
      return outcome;
    },
    get serviceRoute() {
      return serviceRoute;
    },
    get flowTimer() {
      return flowTimer;
    },
    get granted() {
      return granted;
    },
  };
}

/** What was to go over this flow goes over no other. */
function openOnly(flow: ClientFlow): ClientFlow {
  if (flow.closed) throw new WayEnded('closed by the server');
  return flow;
}
