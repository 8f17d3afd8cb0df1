import { createPeerServer, type Logger, type Peer, type PeerServer } from '@linchpin/host';
import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import { type Flow, parseMessage, SipError, SipResponse, type TransactionLayer } from '@linchpin/sip';
import { survive } from './failures.ts';
import { closed } from './frames.ts';
import type { RemoteFlow } from './remote-flow.ts';
import type { RemoteFlows } from './remote-flows.ts';
import { withTraceparent } from './trace.ts';

export interface PeersParts {
  pod: string;
  flows: RemoteFlows;
  /** A flow that ends here. */
  here(id: string): Flow | undefined;
  layer: TransactionLayer;
  /** A message of another pod's transaction goes out to a client here. */
  onToClient(flow: Flow | undefined, message: Buffer): void;
  /** To all other Front Ends. */
  tellFrontEnds(frame: Frame): void;
  log: Logger;
}

export interface Peers extends PeerServer<Frame> {
  /** What comes on a stream that this pod has opened itself: the answers of Edges and of other Front Ends. */
  answered(frame: Frame, from: string): void;
  /** To the client of a flow that ends here; false when the flow is gone. */
  toClient(frame: Frame): boolean;
}

/** What other pods bring: Directors and Front Ends what clients said to them, Front Ends also what clients here are told. */
export function createPeers({ pod, flows, here, layer, onToClient, tellFrontEnds, log }: PeersParts): Peers {
  const own = `${pod}/`;

  function toClient({ flow: id, event, message }: Frame): boolean {
    const flow = here(id);
    if (event === FlowEvent.CLOSE) flow?.close('the server ended the flow');
    if (event === FlowEvent.PROBE) return flow !== undefined;
    if (event !== FlowEvent.UNSPECIFIED) return true;
    onToClient(flow, message);
    // A datagram that cannot be sent now is lost like any other.
    return flow !== undefined && (flow.send(message) || !flow.reliable);
  }

  function receive(frame: Frame, flow: RemoteFlow | undefined): void {
    const message = parseMessage(frame.message);
    if (!flow || (frame.identity === '' && !(message instanceof SipResponse)))
      // Nobody has a reason to send one: who takes a request from a client challenges by itself.
      return log.error({ flow: frame.flow }, 'a request without an identity was dropped');
    withTraceparent(frame.traceparent, () => layer.receive(message, flow));
    // RFC 3261 18: the next datagram of this address may be anybody's.
    if (!flow.reliable) flow.identity = '';
  }

  function read(handle: () => void, frame: Frame, from: string): void {
    try {
      handle();
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
      // Edge, Director or the other Front End have read it before.
      log.warn({ from, flow: frame.flow, reason: error.reason }, 'unreadable frame dropped');
    }
  }

  function ended(frame: Frame, { role }: Peer<Frame>): void {
    flows.ended(frame.flow);
    // An Edge tells one Front End by way of a Director.
    if (role === 'director') tellFrontEnds(frame);
  }

  /** What has passed Front Ends on its way is a request, even when it has come back to where its flow ends. */
  const isForClient = (frame: Frame, { role }: Peer<Frame>): boolean =>
    role === 'frontend' && frame.hops === 0 && frame.flow.startsWith(own);

  function onFrame(frame: Frame, peer: Peer<Frame>): void {
    if (isForClient(frame, peer)) {
      if (!toClient(frame)) peer.send(closed(frame.flow));
    } else if (frame.event === FlowEvent.CLOSED) ended(frame, peer);
    else if (frame.event === FlowEvent.UNSPECIFIED)
      read(() => receive(frame, flows.of(frame)), frame, peer.pod);
  }

  function response(frame: Frame, from: string): void {
    const message = parseMessage(frame.message);
    // Requests come by way of Directors and Front Ends that were asked in: an Edge cannot vouch for anybody.
    if (!(message instanceof SipResponse))
      return log.error({ from, flow: frame.flow }, 'a request from Edge was dropped');
    const flow = flows.find(frame.flow);
    if (flow) withTraceparent(frame.traceparent, () => layer.receive(message, flow));
  }

  const server = createPeerServer<Frame>({
    pod,
    log,
    onFrame: (frame, peer) => survive(() => onFrame(frame, peer), log),
  });
  return {
    handler: server.handler,
    peers: server.peers,
    send: server.send,
    close: server.close,
    toClient,
    answered(frame, from) {
      if (frame.event === FlowEvent.CLOSED) flows.ended(frame.flow);
      else if (frame.event === FlowEvent.UNSPECIFIED)
        survive(() => read(() => response(frame, from), frame, from), log);
    },
  };
}
