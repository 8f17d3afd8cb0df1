import { createPeerLink, type Logger, type Mtls, type PeerLink } from '@linchpin/host';
import { FlowEvent, type Frame, RelayClient } from '@linchpin/proto/relay/v1/relay';
import { parseMessage, type SipError, SipResponse, type TransactionLayer } from '@linchpin/sip';
import { type Directory, type Followed, followMembers, type Member, type Replica } from '@linchpin/topology';
import { createPatientLink } from './patient-link.ts';
import type { RemoteFlows } from './remote-flows.ts';
import { withTraceparent } from './trace.ts';

export interface EdgesParts {
  pod: string;
  mtls: Mtls;
  replica: Replica;
  directory: Directory;
  flows: RemoteFlows;
  layer: TransactionLayer;
  log: Logger;
}

/** A stream to each Edge pod of the topology, open from the start: an Edge can bring responses only to who has called. */
export function createEdges(parts: EdgesParts): Followed<PeerLink<Frame>> {
  const { pod, mtls, replica, directory, flows, layer, log } = parts;

  function onMessage(frame: Frame, edge: string): void {
    const message = parseMessage(frame.message);
    // Requests come by way of a Director only: an Edge cannot vouch for anybody.
    if (!(message instanceof SipResponse))
      return log.error({ edge, flow: frame.flow }, 'a request from Edge was dropped');
    const flow = flows.find(frame.flow);
    if (flow) withTraceparent(frame.traceparent, () => layer.receive(message, flow));
  }

  function onFrame(frame: Frame, edge: string): void {
    if (frame.event === FlowEvent.CLOSED) return flows.ended(frame.flow);
    if (frame.event !== FlowEvent.UNSPECIFIED) return;
    try {
      onMessage(frame, edge);
    } catch (error) {
      log.warn({ edge, flow: frame.flow, reason: (error as SipError).reason }, 'unreadable frame dropped');
    }
  }

  function linkTo({ name, address }: Member): PeerLink<Frame> {
    const link = createPeerLink<Frame, RelayClient>({
      address,
      role: 'edge',
      credentials: mtls.client(),
      pod,
      client: RelayClient,
      connect: (client, metadata) => client.connect(metadata),
      onFrame: (frame) => onFrame(frame, name),
      onUp: () => patient.flush(),
      log,
    });
    const patient = createPatientLink(link);
    return patient;
  }
  return followMembers(replica, () => directory.poolMembers('edge'), linkTo);
}
