import { createPeerServer, type Logger, type PeerServer } from '@linchpin/host';
import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import { parseMessage, type SipError, type TransactionLayer } from '@linchpin/sip';
import type { RemoteFlows } from './remote-flows.ts';
import { withTraceparent } from './trace.ts';

export interface RelayParts {
  pod: string;
  flows: RemoteFlows;
  layer: TransactionLayer;
  log: Logger;
}

/** Where Directors bring the requests of remote clients, each with the identity that it has proved. */
export function createDirectors({ pod, flows, layer, log }: RelayParts): PeerServer<Frame> {
  function onMessage(frame: Frame, director: string): void {
    if (frame.identity === '') {
      // A Director has no reason to send one: it challenges by itself.
      return log.error({ director, flow: frame.flow }, 'a frame without an identity was dropped');
    }
    const message = parseMessage(frame.message);
    withTraceparent(frame.traceparent, () => layer.receive(message, flows.of(frame)));
  }

  return createPeerServer<Frame>({
    pod,
    log,
    onFrame(frame, { pod: director }) {
      if (frame.event === FlowEvent.CLOSED) return flows.ended(frame.flow);
      if (frame.event !== FlowEvent.UNSPECIFIED) return;
      try {
        onMessage(frame, director);
      } catch (error) {
        // Edge and Director have read it before.
        log.warn(
          { director, flow: frame.flow, reason: (error as SipError).reason },
          'unreadable frame dropped',
        );
      }
    },
  });
}
