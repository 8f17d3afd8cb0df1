import { type Host, newTraceparent } from '@linchpin/host';
import {
  createTransactionLayer,
  type Flow,
  type SipError,
  type SipRequest,
  type TransactionLayer,
} from '@linchpin/sip';
import type { FrontendConfig } from './config.ts';
import type { Fabric } from './fabric/fabric.ts';
import type { Knowledge } from './knowledge.ts';
import { type BusyClients, createBusyClients } from './signaling/busy-clients.ts';
import { createCancels } from './signaling/cancels.ts';
import { createDispatch, type Dispatch } from './signaling/dispatch.ts';
import { malformedAs, survive } from './signaling/failures.ts';
import { createFlows, type Flows } from './signaling/flows.ts';
import { closed } from './signaling/frames.ts';
import { createLinks, type Links } from './signaling/links.ts';
import { createListeners, type Listeners } from './signaling/listeners.ts';
import { createPeers, type Peers } from './signaling/peers.ts';
import type { Refusals } from './signaling/refusals.ts';
import { createRelayedTransactions } from './signaling/relayed.ts';
import { createRemoteFlows, type RemoteFlows } from './signaling/remote-flows.ts';
import { createTrust } from './signaling/trust.ts';
import type { Telemetry } from './telemetry.ts';

export interface NetworkParts {
  config: FrontendConfig;
  host: Host;
  knowledge: Knowledge;
  fabric: Fabric;
  telemetry: Telemetry;
  refusals: Refusals;
  onRequest(request: SipRequest, flow: Flow): void;
  /** One of a 2xx, or that matches nothing. */
  onAck(ack: SipRequest, flow: Flow): void;
  /** The stream to an Edge or another Front End is open. */
  onUp(pod: string): void;
  onChatDown(pod: string): void;
}

/** All ways to clients, here and at other pods, and what is under way on them. */
export interface Network {
  layer: TransactionLayer;
  listeners: Listeners;
  flows: Flows;
  remoteFlows: RemoteFlows;
  links: Links;
  peers: Peers;
  dispatch: Dispatch;
  busyClients: BusyClients;
  /** After the listeners are closed. */
  stop(): void;
}

export function createNetwork(parts: NetworkParts): Network {
  const { config, host, knowledge, fabric, telemetry, refusals } = parts;
  const { name: pod, log, mtls } = host;
  const { replica, members, directory, home, isRoom } = knowledge;

  const layer = createTransactionLayer({
    onRequest: parts.onRequest,
    onAck(ack, flow) {
      if (!dispatch.follow(ack, flow)) parts.onAck(ack, flow);
    },
    onCancel: (cancel, flow) => dispatch.follow(cancel, flow) || cancels.take(cancel, flow),
    onStray: (response, flow) => dispatch.response(response, flow),
  });
  const remoteFlows = createRemoteFlows({
    pod,
    domain: config.domain,
    send: (to, frame) => (to === pod ? peers.toClient(frame) : links.send(to, frame)),
  });
  const links = createLinks({
    ...{ pod, mtls, replica, members, directory, log },
    onFrame: (frame, from) => peers.answered(frame, from),
    onUp(peer) {
      dispatch.look();
      parts.onUp(peer);
    },
    onFrontEndDown(peer) {
      dispatch.podGone();
      cancels.podGone(peer);
    },
    onChatDown: parts.onChatDown,
    onGone: remoteFlows.podGone,
    onAgain: remoteFlows.podAgain,
  });
  const peers = createPeers({
    ...{ pod, log },
    layer: { receive: (message, flow) => cancels.brought(message, flow, () => layer.receive(message, flow)) },
    flows: remoteFlows,
    here: (id) => flows.here(id),
    trust: createTrust({ pod, roleOf: (name) => directory.poolOf(name)?.role, isRoom }),
    isFrontEnd: links.isFrontEnd,
    onCancelAnswer: (answer, flow, from) => cancels.answered(answer, flow, from),
    onToClient(flow, message) {
      busyClients.passed(flow, message);
      if (flow) dispatch.told(flow, message);
    },
    tellFrontEnds: links.tellFrontEnds,
    onFrontEndGone: () => dispatch.podGone(),
  });
  const relayed = createRelayedTransactions();
  const cancels = createCancels({
    others: () => links.frontEndsUp,
    ask: links.send,
    tell: peers.send,
    find: (id) => flows.find(id),
    ledTo: (answer, flow) => relayed.ofResponse(answer, flow)?.pod,
  });
  const busyClients = createBusyClients(layer);
  const dispatch = createDispatch({
    ...{ pod, layer },
    domain: config.domain,
    owners: fabric,
    isHomed: (aor) => home.find(aor) !== undefined,
    links: {
      isUp: links.isUp,
      isFrontEnd: links.isFrontEnd,
      send(to, frame) {
        busyClients.passed(flows.connection(frame.flow), frame.message);
        return links.send(to, frame);
      },
    },
    relayed,
    onRelayed: telemetry.relayed,
    patience: config.state.patienceSeconds * 1000,
  });
  const listeners = createListeners(config, {
    idPrefix: `${pod}/`,
    viaHost: `${pod}.${config.domain}`,
    onMessage: (message, flow) => survive(() => layer.receive(message, flow), log),
    onFlow: (flow) => flows.add(flow),
    onMalformed,
  });
  const flows = createFlows({
    pod,
    remote: remoteFlows,
    udp: () => listeners.list().filter(({ transport }) => transport === 'udp'),
    pods: links,
    connect: listeners.connect,
    onClosed({ id, identity }) {
      remoteFlows.ended(id);
      // Who has not signed in is known to nobody else.
      if (identity !== '') links.tellFrontEnds(closed(id));
    },
  });

  function onMalformed({ request, status, reason }: SipError, flow: Flow): [string, string][] | undefined {
    telemetry.malformed(flow.transport);
    if (request !== undefined)
      return [refusals(malformedAs(status, reason), { request, flow, traceparent: newTraceparent() })];
    log.debug({ reason, flow: flow.id }, 'malformed message');
    return undefined;
  }

  return {
    ...{ layer, listeners, flows, remoteFlows, links, peers, dispatch, busyClients },
    stop() {
      dispatch.stop();
      peers.close();
      links.stop();
      remoteFlows.stop();
      layer.close();
    },
  };
}
