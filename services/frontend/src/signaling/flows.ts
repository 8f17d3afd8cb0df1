import { type Address, type Flow, type Listener, SipUri, type TransportName } from '@linchpin/sip';
import { RemoteFlow } from './remote-flow.ts';
import { podOf, type RemoteFlows } from './remote-flows.ts';

/** What is kept of a flow in a binding. */
export interface FlowFacts {
  flowId: string;
  transport: TransportName;
  /** host:port of the peer. */
  received: string;
  /** host:port of this side as the peer knows it. */
  sentBy?: string | undefined;
  contact: string;
  path: readonly string[];
}

/** All flows that this pod can send on: connections of its own, UDP peers, and connections at Edges. */
export interface Flows {
  add(flow: Flow): void;
  /** UDP flows always are there; for an Edge's flow that is not known yet, Edge tells on the first use whether it lives. */
  find(id: string): Flow | undefined;
  /** Makes an Edge's flow known again after a restart; undefined when the flow is gone for good. */
  revive(facts: FlowFacts): Flow | undefined;
  /** Whether the flow itself is there. */
  isOpen(facts: FlowFacts): boolean;
  /** Neither the flow nor another way to the endpoint is there. */
  isDead(facts: FlowFacts): boolean;
  /** The way to an endpoint: its flow, else, where it listens at the address it came from, a new connection. */
  wayTo(facts: FlowFacts): Flow | Promise<Flow | undefined> | undefined;
  /** Open connections, here and at Edges. */
  all(): Iterable<Flow>;
  readonly size: number;
}

export interface FlowsParts {
  remote: RemoteFlows;
  /** The UDP listeners. */
  udp(): readonly Listener[];
  /** Whether the first word of a flow id is the name of an Edge pod. */
  isEdge(name: string): boolean;
  connect(remote: Address): Promise<Flow>;
}

export const isRemote = (flow: Flow): flow is RemoteFlow => flow instanceof RemoteFlow;

/** host:port by which the client at the other end knows this side: of an Edge's client it is the Edge's. */
export const hostOf = (flow: Flow): string => (isRemote(flow) ? flow.advertised : flow.sentBy);

export function createFlows({ remote, udp, isEdge, connect }: FlowsParts): Flows {
  const connections = new Map<string, Flow>();

  /** `udp/<local>/<remote>`: the id says all; where it names an address that is not used any more, any socket will do. */
  function overUdp(id: string): Flow | undefined {
    const [transport, , remote = ''] = id.split('/');
    const peer = transport === 'udp' ? addressIn(remote) : undefined;
    if (!peer) return undefined;
    const flows = udp().map((listener) => listener.flowTo?.(peer));
    return flows.find((flow) => flow?.id === id) ?? flows[0];
  }

  const find = (id: string): Flow | undefined => connections.get(id) ?? remote.find(id) ?? overUdp(id);

  function revive(facts: FlowFacts): Flow | undefined {
    const { flowId } = facts;
    return find(flowId) ?? (isEdge(podOf(flowId)) ? remote.revive(facts) : undefined);
  }

  const isOpen = (facts: FlowFacts): boolean => revive(facts)?.closed === false;

  return {
    add(flow) {
      connections.set(flow.id, flow);
      flow.onClose(() => connections.delete(flow.id));
    },
    find: (id) => find(id) ?? (isEdge(podOf(id)) ? remote.revive({ ...unknownFlow, flowId: id }) : undefined),
    revive,
    isOpen,
    isDead: (facts) => !isOpen(facts) && listensAt(facts) === undefined,
    wayTo(facts) {
      const flow = revive(facts);
      if (flow && !flow.closed) return flow;
      const listening = listensAt(facts);
      // Nobody there: the same as a flow that is gone.
      return listening && connect(listening).catch(() => undefined);
    },
    all: () => [...connections.values(), ...remote.all()],
    get size() {
      return connections.size + [...remote.all()].length;
    },
  };
}

const unknownFlow = { transport: 'tls', received: ':0' } as const;

function addressIn(text: string): Address | undefined {
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  if (colon <= 0 || !Number.isInteger(port)) return undefined;
  return { address: text.slice(0, colon).replace(/^\[|\]$/g, ''), port };
}

/**
 * A client of RFC 3261 18 listens at its Contact. Only an address that the client itself came from is called, so that
 * no Contact makes this server knock at a third party's door.
 */
function listensAt({ transport, contact, received, path }: FlowFacts): Address | undefined {
  if (transport !== 'tcp' || path.length > 0 || !contact.startsWith('sip:')) return undefined;
  const { host, port = 5060 } = SipUri.parse(contact);
  const from = addressIn(received);
  return from && host.replace(/^\[|\]$/g, '') === from.address ? { address: from.address, port } : undefined;
}
