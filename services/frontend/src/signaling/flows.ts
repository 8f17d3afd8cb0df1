import { type Address, type Flow, type Listener, SipUri } from '@linchpin/sip';
import { podOf } from './frames.ts';
import { type FlowRecord, isTransport, type RemoteFlows } from './remote-flows.ts';

/** What is kept of a flow in a binding. */
export interface FlowFacts extends FlowRecord {
  contact: string;
  path: readonly string[];
}

/** All flows that this pod can send on: connections of its own, UDP peers, and those at other pods. */
export interface Flows {
  add(flow: Flow): void;
  /** One that ends here. UDP flows always are there. */
  here(id: string): Flow | undefined;
  /** A connection that ends here. */
  connection(id: string): Flow | undefined;
  /** Of a flow at another pod that is not known yet, that pod is asked whether it lives. */
  find(id: string): Flow | undefined;
  /** Makes a flow at another pod known again after a restart; undefined when the flow is gone for good. */
  revive(facts: FlowFacts): Flow | undefined;
  /** Whether the flow itself is there. */
  isOpen(facts: FlowFacts): boolean;
  /** Neither the flow nor another way to the endpoint is there. */
  isDead(facts: FlowFacts): boolean;
  /** The way to an endpoint: its flow, else, where it listens at the address it came from, a new connection. */
  wayTo(facts: FlowFacts): Flow | Promise<Flow | undefined> | undefined;
  /** Open connections, here and at other pods. */
  all(): Iterable<Flow>;
  readonly size: number;
}

export interface FlowsParts {
  pod: string;
  remote: RemoteFlows;
  /** The UDP listeners. */
  udp(): readonly Listener[];
  /** Whether there is such a pod, and whether the stream to it is open now. */
  pods: { has(pod: string): boolean; isUp(pod: string): boolean };
  connect(remote: Address): Promise<Flow>;
  /** A connection to this pod has ended. */
  onClosed(flow: Flow): void;
}

const isUdp = (id: string): boolean => id.startsWith('udp/', id.indexOf('/') + 1);

export function createFlows({ pod, remote, udp, pods, connect, onClosed }: FlowsParts): Flows {
  const connections = new Map<string, Flow>();
  const own = `${pod}/`;

  /** `<pod>/udp/<local>/<remote>`: the id says all; where it names an address that is not used any more, any socket will do. */
  function overUdp(id: string): Flow | undefined {
    const peer = isUdp(id) ? addressIn(id.slice(id.lastIndexOf('/') + 1)) : undefined;
    if (!peer) return undefined;
    const flows = udp().map((listener) => listener.flowTo?.(peer));
    return flows.find((flow) => flow?.id === id) ?? flows[0];
  }

  /** Over UDP a client can be told from here what the pod that it came to cannot tell it any more. */
  function elsewhere(facts: FlowRecord): Flow | undefined {
    const { flowId } = facts;
    const there = podOf(flowId);
    if (isUdp(flowId) && !pods.isUp(there)) return overUdp(flowId);
    return remote.find(flowId) ?? (pods.has(there) ? remote.revive(facts) : undefined);
  }

  const connectionAt = (id: string): Flow | undefined => (isUdp(id) ? undefined : remote.find(id));

  const here = (id: string): Flow | undefined => connections.get(id) ?? overUdp(id);

  const revive = (facts: FlowFacts): Flow | undefined =>
    facts.flowId.startsWith(own) ? here(facts.flowId) : elsewhere(facts);

  const isOpen = (facts: FlowFacts): boolean => revive(facts)?.closed === false;

  return {
    add(flow) {
      connections.set(flow.id, flow);
      flow.onClose(() => {
        connections.delete(flow.id);
        onClosed(flow);
      });
    },
    here,
    connection: (id) => connections.get(id),
    find: (id) => (id.startsWith(own) ? here(id) : (connectionAt(id) ?? elsewhere(factsIn(id)))),
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

/** What an id says by itself: a Front End's much, an Edge's nothing. */
function factsIn(flowId: string): FlowRecord {
  const [, transport = '', , received = ':0'] = flowId.split('/');
  return isTransport(transport)
    ? { flowId, transport, received }
    : { flowId, transport: 'tls', received: ':0' };
}

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
