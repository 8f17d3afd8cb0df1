import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import { concernedUser, parseMessage, SipError, SipRequest, type SipResponse, sourceOf } from '@linchpin/sip';
import type { Logger } from 'pino';
import type { Admission } from '../admission/admission.ts';
import type { Judge, Verdict } from '../authentication/judge.ts';
import type { WayTo } from '../home/home.ts';
import type { Telemetry } from '../telemetry.ts';
import { type Answers, newRefusalId } from './answer.ts';

/** The Edge pod that a frame came from. */
export interface EdgePeer {
  readonly pod: string;
  send(frame: Frame): boolean;
}

export interface RelayParts {
  judge: Judge;
  admission: Admission;
  answers: Answers;
  /** The pool of Edges that a pod is in. */
  edgePoolOf(pod: string): string;
  wayTo: WayTo<Frame>;
  telemetry: Telemetry;
  log: Logger;
}

const nothing = Buffer.alloc(0);
const back = (
  frame: Frame,
  event: FlowEvent,
  message: Buffer = nothing,
  identity = frame.identity,
): Frame => ({
  ...frame,
  event,
  message,
  identity,
});

/** Takes each frame from an Edge: admits, judges, then passes it on to the user's home or answers it. No state is kept. */
export function createRelay({ judge, admission, answers, edgePoolOf, wayTo, telemetry, log }: RelayParts) {
  const respond = (edge: EdgePeer, frame: Frame, response: SipResponse): void => {
    edge.send(back(frame, FlowEvent.UNSPECIFIED, response.toBuffer()));
  };

  /** Every refusal is counted, logged under an id with the rule behind it, and answered where the protocol allows. */
  function refuse(
    edge: EdgePeer,
    frame: Frame,
    request: SipRequest,
    rule: string,
    answer?: (id: string) => SipResponse,
  ): void {
    const id = newRefusalId();
    telemetry.refusals.inc({ rule });
    log.info(
      {
        id,
        rule,
        method: request.method,
        from: request.get('from'),
        callId: request.get('call-id'),
        flow: frame.flow,
        source: frame.remoteAddress,
        traceparent: frame.traceparent,
      },
      'refused',
    );
    if (answer !== undefined && request.method !== 'ACK') respond(edge, frame, answer(id));
  }

  function pass(edge: EdgePeer, frame: Frame, request: SipRequest, identity: string): void {
    const { pool, way } = wayTo(identity, concernedUser(request));
    if (way?.send({ ...frame, identity })) return;
    telemetry.undeliverable.inc({ pool });
    refuse(edge, frame, request, 'home-pool-unreachable', (id) =>
      answers.busy(request, `The home pool ${pool} cannot be reached`, 5, id),
    );
  }

  /** A sign-in is worth a line, every other request one at debug level; trace id and Call-ID are the same in all roles. */
  function note(frame: Frame, request: SipRequest, verdict: Verdict): void {
    const signedIn = verdict.kind === 'pass' && verdict.signedIn;
    const level = signedIn ? 'info' : 'debug';
    if (!log.isLevelEnabled(level)) return;
    const { flow, remoteAddress: source, traceparent } = frame;
    const identity = verdict.kind === 'pass' ? verdict.identity : undefined;
    const callId = request.get('call-id');
    log[level](
      { verdict: verdict.kind, method: request.method, identity, callId, flow, source, traceparent },
      signedIn ? 'signed in' : 'request',
    );
  }

  function carryOut(edge: EdgePeer, frame: Frame, request: SipRequest): void {
    const verdict = judge(request, frame.identity, {
      source: sourceOf(frame.remoteAddress),
      edgePool: edgePoolOf(edge.pod),
    });
    telemetry.requests.inc({ verdict: verdict.kind, method: request.method });
    note(frame, request, verdict);
    switch (verdict.kind) {
      case 'pass':
        if (verdict.signedIn) edge.send(back(frame, FlowEvent.BOUND, nothing, verdict.identity));
        return pass(edge, frame, request, verdict.identity);
      case 'challenge':
        return respond(
          edge,
          frame,
          answers.challenge(request, verdict.realm, verdict.algorithms, verdict.stale),
        );
      case 'refuse':
        refuse(edge, frame, request, verdict.rule, (id) => answers.forbidden(request, id));
        if (verdict.ends) edge.send(back(frame, FlowEvent.CLOSE));
        return;
      case 'drop':
        return refuse(edge, frame, request, verdict.rule);
    }
  }

  function onRequest(edge: EdgePeer, frame: Frame, request: SipRequest): void {
    const limited = admission(sourceOf(frame.remoteAddress), frame.identity);
    if (limited !== undefined)
      return refuse(edge, frame, request, limited, (id) =>
        answers.busy(request, 'Too many requests', 10, id),
      );
    try {
      carryOut(edge, frame, request);
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
      refuse(edge, frame, request, 'malformed', (id) =>
        answers.malformed(request, error.status, error.reason, id),
      );
    }
  }

  function onMessage(edge: EdgePeer, frame: Frame): void {
    try {
      const message = parseMessage(frame.message);
      if (message instanceof SipRequest) return onRequest(edge, frame, message);
      telemetry.refusals.inc({ rule: 'stray-response' });
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
      // Edge parses before it sends: what cannot be parsed here was never a client's message.
      telemetry.refusals.inc({ rule: 'unparsable' });
      log.warn({ flow: frame.flow, edge: edge.pod, reason: error.reason }, 'unparsable frame dropped');
    }
  }

  return {
    onFrame(frame: Frame, edge: EdgePeer): void {
      if (frame.event === FlowEvent.UNSPECIFIED) return onMessage(edge, frame);
      if (frame.event === FlowEvent.CLOSED && frame.identity !== '') wayTo(frame.identity).way?.send(frame);
    },
  };
}
