import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import type { Logger } from 'pino';
import type { Session } from '../access/sessions.ts';

export interface OutwardParts {
  find(token: string): Session | undefined;
  /** A message goes out to the client. */
  onMessage(session: Session, message: Buffer): void;
  log: Logger;
}

const nothing = Buffer.alloc(0);

/** Frames from Directors and Front Ends go outward, to the connection that holds the flow. */
export function createOutward({ find, onMessage, log }: OutwardParts) {
  /** Returns the answer to the sender, if there is one: a flow that is gone is said to be closed. */
  return function outward(frame: Frame): Frame | undefined {
    const session = find(frame.flow);
    if (session === undefined)
      return frame.event === FlowEvent.UNSPECIFIED || frame.event === FlowEvent.PROBE
        ? { ...frame, message: nothing, event: FlowEvent.CLOSED }
        : undefined;
    const { flow } = session;
    switch (frame.event) {
      case FlowEvent.BOUND:
        flow.identity = frame.identity;
        log.info(
          { flow: frame.flow, identity: frame.identity, traceparent: frame.traceparent },
          'flow signed in',
        );
        return undefined;
      case FlowEvent.CLOSE:
        flow.close('the server ended the flow');
        return undefined;
      case FlowEvent.PROBE:
        return undefined;
      default:
        onMessage(session, frame.message);
        return flow.send(frame.message) ? undefined : { ...frame, message: nothing, event: FlowEvent.CLOSED };
    }
  };
}
