import { createPeerServer, type Logger, type Peer, type PeerServer } from '@linchpin/host';
import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import {
  type Flow,
  parseMessage,
  SipError,
  SipRequest,
  type SipResponse,
  type TransactionLayer,
} from '@linchpin/sip';
import { survive } from './failures.ts';
import { closed } from './frames.ts';
import type { RemoteFlows } from './remote-flows.ts';
import { withTraceparent } from './trace.ts';

export interface PeersParts {
  pod: string;
  flows: RemoteFlows;
  /** A flow that ends here. */
  here(id: string): Flow | undefined;
  layer: TransactionLayer;
  /** Whether an identity is that of a room and not of a user. */
  isRoom(aor: string): boolean;
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

/**
 * What other pods bring: Directors and Front Ends what clients said to them, Front Ends also what clients here are told, Persistent
 * Chat what rooms say to their members.
 */
export function createPeers(parts: PeersParts): Peers {
  const { pod, flows, here, layer, isRoom, onToClient, tellFrontEnds, log } = parts;
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

  /** Undefined for what cannot be read, though Edge, Director or the other Front End have read it before. */
  function messageIn({ message, flow }: Frame, from: string): SipRequest | SipResponse | undefined {
    try {
      return parseMessage(message);
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
      log.warn({ from, flow, reason: error.reason }, 'unreadable frame dropped');
      return undefined;
    }
  }

  /** A room speaks through Persistent Chat only, which speaks for nobody else; Front Ends pass on what it has said to them. */
  function mayVouch(role: string, { identity }: Frame): boolean {
    if (role === 'persistent-chat') return isRoom(identity);
    return role === 'frontend' || !isRoom(identity);
  }

  function receive(frame: Frame, { pod: from, role }: Peer<Frame>): void {
    if (!mayVouch(role, frame))
      return log.error({ from, role, identity: frame.identity }, 'not for this role to vouch for');
    const message = messageIn(frame, from);
    if (!message) return;
    // Nobody has a reason to send one: who takes a request from a client challenges by itself.
    if (frame.identity === '' && message instanceof SipRequest)
      return log.error({ from, flow: frame.flow }, 'a request without an identity was dropped');
    const flow = message instanceof SipRequest ? flows.of(frame) : flows.ofResponse(frame);
    withTraceparent(frame.traceparent, () => layer.receive(message, flow));
    // Anyone can send from any address: what was proved holds for this message.
    if (!flow.reliable) flow.identity = '';
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
    else if (frame.event === FlowEvent.UNSPECIFIED) receive(frame, peer);
  }

  function onAnswer(frame: Frame, from: string): void {
    if (frame.event === FlowEvent.CLOSED) return flows.ended(frame.flow);
    const message = frame.event === FlowEvent.UNSPECIFIED ? messageIn(frame, from) : undefined;
    // Requests come on streams of Directors and Front Ends to this pod: an Edge cannot vouch for anybody.
    if (message instanceof SipRequest)
      return log.error({ from, flow: frame.flow }, 'a request from Edge was dropped');
    const flow = flows.find(frame.flow);
    if (message && flow) withTraceparent(frame.traceparent, () => layer.receive(message, flow));
  }

  const server = createPeerServer<Frame>({
    pod,
    log,
    onFrame: (frame, peer) => survive(() => onFrame(frame, peer), log),
  });
  return {
    ...server,
    toClient,
    answered: (frame, from) => survive(() => onAnswer(frame, from), log),
  };
}
