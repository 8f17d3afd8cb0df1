import { newTraceparent } from '@linchpin/host';
import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import { createUnanswered, type SipRequest, type SipResponse } from '@linchpin/sip';
import type { Logger } from 'pino';
import type { Session } from '../access/sessions.ts';
import type { NextDirector } from './next-director.ts';

export interface InwardParts {
  /** The domain under which Front End pods write themselves into Via: `<pod>.<domain>`. */
  domain: string;
  directorFor: NextDirector;
  /** The stream that a Front End opened to this pod. */
  toFrontEnd(pod: string, frame: Frame): boolean;
  log: Logger;
}

/** Messages from clients go inward: requests to a Director, responses to the Front End that asked. */
export interface Inward {
  request(session: Session, request: SipRequest): boolean;
  response(session: Session, response: SipResponse): boolean;
  closed(session: Session): void;
  /** What the client of a flow is told, by whomever. */
  told(session: Session, message: Buffer): void;
  /** A Director or a Front End, with what it had in hand. */
  podGone(): void;
  stop(): void;
}

interface Passed {
  session: Session;
  frame: Frame;
}

const nothing = Buffer.alloc(0);

function frameOf(session: Session, message: Buffer, event: FlowEvent, traceparent: string): Frame {
  const { flow, token } = session;
  return {
    message,
    flow: token,
    event,
    identity: flow.identity,
    transport: flow.transport,
    remoteAddress: flow.remote.address,
    remotePort: flow.remote.port,
    traceparent,
    sentBy: flow.sentBy,
    hops: 0,
  };
}

export function createInward({ domain, directorFor, toFrontEnd, log }: InwardParts): Inward {
  const suffix = `.${domain}`;

  const send = ({ session, frame }: Passed): boolean => directorFor(session)?.send(frame) ?? false;

  // Directors and Front Ends die with what they had in hand.
  const unanswered = createUnanswered<Passed>({
    again({ session, frame }) {
      if (!session.flow.closed) send({ session, frame: { ...frame, identity: session.flow.identity } });
    },
  });

  return {
    request(session, request) {
      const traceparent = newTraceparent();
      if (log.isLevelEnabled('debug'))
        log.debug(
          { method: request.method, callId: request.callId, flow: session.token, traceparent },
          'request',
        );
      const frame = frameOf(session, request.toBuffer(), FlowEvent.UNSPECIFIED, traceparent);
      const passed = { session, frame };
      if (!send(passed)) return false;
      unanswered.add(session.token, request, passed, frame.message.length);
      return true;
    },
    response(session, response) {
      // The Front End's Via is the only one below which a client can be; its host names the pod.
      const { host } = response.via;
      if (!host.endsWith(suffix)) return false;
      return toFrontEnd(
        host.slice(0, -suffix.length),
        frameOf(session, response.toBuffer(), FlowEvent.UNSPECIFIED, ''),
      );
    },
    closed(session) {
      if (session.flow.identity === '') return;
      directorFor(session)?.send(frameOf(session, nothing, FlowEvent.CLOSED, ''));
    },
    told: ({ token }, message) => unanswered.answered(token, message),
    podGone: unanswered.podGone,
    stop: unanswered.stop,
  };
}
