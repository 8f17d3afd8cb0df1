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
import { closed, podOf } from './frames.ts';
import type { RemoteFlows } from './remote-flows.ts';
import { withTraceparent } from './trace.ts';
import type { Teller, Trust } from './trust.ts';

export interface PeersParts {
  pod: string;
  flows: RemoteFlows;
  /** A flow that ends here. */
  here(id: string): Flow | undefined;
  layer: Pick<TransactionLayer, 'receive'>;
  trust: Trust;
  /** Whether it is another Front End of the pool. */
  isFrontEnd(pod: string): boolean;
  /** Another Front End has its INVITE (200) or not (481) for a CANCEL that went to it from here. */
  onCancelAnswer(answer: SipResponse, flow: string, from: string): void;
  /** A message of another pod's transaction goes out to a client here. */
  onToClient(flow: Flow | undefined, message: Buffer): void;
  /** To all other Front Ends. */
  tellFrontEnds(frame: Frame): void;
  /** The stream that another Front End has opened has ended, and what it said on it may be lost. */
  onFrontEndGone(): void;
  log: Logger;
}

export interface Peers extends PeerServer<Frame> {
  /** What comes on a stream that the other pod has opened. */
  told(frame: Frame, peer: Teller & Pick<Peer<Frame>, 'send'>): void;
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
  const { pod, flows, here, layer, trust, isFrontEnd, onCancelAnswer, onToClient, tellFrontEnds, log } =
    parts;
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

  const notTheirs = ({ flow, event, identity }: Frame, { pod: from, role }: Teller): void =>
    log.error({ from, role, flow, event, identity }, 'a frame was dropped: not for this pod to tell');

  function receive(frame: Frame, peer: Teller): void {
    const message = messageIn(frame, peer.pod);
    if (!message) return;
    const isRequest = message instanceof SipRequest;
    if (isRequest ? !trust.mayBring(frame, peer) : !trust.mayAnswer(frame, peer))
      return notTheirs(frame, peer);
    // Nobody has a reason to send one: who takes a request from a client challenges by itself.
    if (frame.identity === '' && isRequest)
      return log.error({ from: peer.pod, flow: frame.flow }, 'a request without an identity was dropped');
    const flow = isRequest ? flows.of(frame, peer.pod) : flows.ofResponse(frame);
    withTraceparent(frame.traceparent, () => layer.receive(message, flow));
    // Anyone can send from any address: what was proved holds for this message.
    if (!flow.reliable) flow.identity = '';
  }

  function ended(frame: Frame, peer: Teller): void {
    if (!trust.mayEnd(frame, peer)) return notTheirs(frame, peer);
    flows.ended(frame.flow);
    // An Edge tells one Front End by way of a Director.
    if (peer.role === 'director') tellFrontEnds(frame);
  }

  /** What has passed Front Ends on its way is a request, even when it has come back to where its flow ends. */
  const isForClient = (frame: Frame, { role }: Teller): boolean =>
    role === 'frontend' && frame.hops === 0 && frame.flow.startsWith(own);

  function onFrame(frame: Frame, peer: Parameters<Peers['told']>[1]): void {
    if (isForClient(frame, peer)) {
      if (!toClient(frame)) peer.send(closed(frame.flow));
    } else if (frame.event === FlowEvent.CLOSED) ended(frame, peer);
    else if (frame.event === FlowEvent.UNSPECIFIED) receive(frame, peer);
  }

  function onAnswer(frame: Frame, from: string): void {
    const message = frame.event === FlowEvent.UNSPECIFIED ? messageIn(frame, from) : undefined;
    // Requests come on streams of Directors and Front Ends to this pod: an Edge cannot vouch for anybody.
    if (message instanceof SipRequest)
      return log.error({ from, flow: frame.flow }, 'a request from Edge was dropped');
    if (message && isFrontEnd(from)) {
      if (isCancelAnswer(message)) return onCancelAnswer(message, frame.flow, from);
      const { status, cseq } = message;
      return log.error({ from, flow: frame.flow, status, method: cseq.method }, 'an answer was dropped');
    }
    if (podOf(frame.flow) !== from) return notTheirs(frame, { pod: from, role: '' });
    if (frame.event === FlowEvent.CLOSED) return flows.ended(frame.flow);
    const flow = flows.find(frame.flow);
    if (message && flow) withTraceparent(frame.traceparent, () => layer.receive(message, flow));
  }

  const told: Peers['told'] = (frame, peer) => survive(() => onFrame(frame, peer), log);
  const server = createPeerServer<Frame>({
    pod,
    log,
    onFrame: told,
    onPeerGone({ role }) {
      if (role === 'frontend') parts.onFrontEndGone();
    },
  });
  return {
    ...server,
    told,
    toClient,
    answered: (frame, from) => survive(() => onAnswer(frame, from), log),
  };
}

const isCancelAnswer = ({ status, cseq }: SipResponse): boolean =>
  cseq.method === 'CANCEL' && (status === 200 || status === 481);
