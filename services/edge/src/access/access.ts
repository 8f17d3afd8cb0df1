import { randomBytes } from 'node:crypto';
import { newTraceparent } from '@linchpin/host';
import {
  diagnostics,
  type Flow,
  newTag,
  type SipError,
  SipRequest,
  SipResponse,
  sourceOf,
} from '@linchpin/sip';
import type { Logger } from 'pino';
import type { Telemetry } from '../telemetry.ts';
import type { Session, Sessions } from './sessions.ts';

export interface AccessParts {
  pod: string;
  sessions: Sessions;
  /** Whether a source may open one more connection now. */
  admitConnection(source: string): boolean;
  /** Whether a source may send one more message now. */
  admitMessage(source: string): boolean;
  inward: {
    request(session: Session, request: SipRequest): boolean;
    response(session: Session, response: SipResponse): boolean;
    closed(session: Session): void;
  };
  telemetry: Telemetry;
  log: Logger;
}

/** What the listeners call: every connection and message of remote clients passes here. */
export interface Access {
  admit(remote: { address: string }): true | string;
  onFlow(flow: Flow): void;
  onMessage(message: SipRequest | SipResponse, flow: Flow): void;
  /** Headers for the transport's own answer. */
  onMalformed(error: SipError, flow: Flow): [name: string, value: string][] | undefined;
}

export function createAccess({
  pod,
  sessions,
  admitConnection,
  admitMessage,
  inward,
  telemetry,
  log,
}: AccessParts): Access {
  /** Counts and logs what was refused, under an id that the client sees in ms-diagnostics. */
  function note(rule: string, session: Session, request?: SipRequest, reason?: string): string {
    const id = randomBytes(6).toString('hex');
    telemetry.refusals.inc({ rule });
    log.info(
      {
        id,
        rule,
        reason,
        flow: session.token,
        source: session.flow.remote.address,
        method: request?.method,
        callId: request?.get('call-id'),
        traceparent: newTraceparent(),
      },
      'refused',
    );
    return id;
  }

  function refuse(
    session: Session,
    request: SipRequest,
    rule: string,
    reason: string,
    retryAfter: number,
  ): void {
    const id = note(rule, session, request);
    if (request.method === 'ACK') return;
    const headers: [string, string][] = [
      ['Retry-After', String(retryAfter)],
      diagnostics(1002, reason, pod, id),
    ];
    session.flow.send(
      SipResponse.to(request, 503, 'Service Unavailable', { toTag: newTag(), headers }).toBuffer(),
    );
  }

  function onRequest(session: Session, request: SipRequest): void {
    if (!admitMessage(sourceOf(session.flow.remote.address)))
      return refuse(session, request, 'source-rate', 'Too many messages from this address', 10);
    if (!inward.request(session, request))
      refuse(session, request, 'no-director', 'No Director can be reached', 5);
  }

  function onClosed(session: Session): void {
    telemetry.flows.dec({ transport: session.flow.transport });
    telemetry.flowSeconds.observe((performance.now() - session.openedAt) / 1000);
    inward.closed(session);
  }

  return {
    admit(remote) {
      if (admitConnection(sourceOf(remote.address))) return true;
      telemetry.refusals.inc({ rule: 'connection-rate' });
      return 'too many new connections from this address';
    },
    onFlow(flow) {
      const session = sessions.open(flow);
      telemetry.flows.inc({ transport: flow.transport });
      flow.onClose(() => onClosed(session));
    },
    onMessage(message, flow) {
      const session = sessions.of(flow);
      if (session === undefined) return;
      telemetry.messages.inc({ direction: 'in' });
      session.underWay.passed(message, performance.now());
      if (message instanceof SipRequest) onRequest(session, message);
      else if (!admitMessage(sourceOf(flow.remote.address)) || !inward.response(session, message))
        note('stray-response', session);
    },
    onMalformed(error, flow) {
      const session = sessions.of(flow);
      if (session === undefined) return undefined;
      return [diagnostics(1001, error.reason, pod, note('malformed', session, error.request, error.reason))];
    },
  };
}
