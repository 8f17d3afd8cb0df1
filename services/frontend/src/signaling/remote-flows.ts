import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import type { Address, TransportName } from '@linchpin/sip';
import { outward, podOf } from './frames.ts';
import { type RemoteFacts, RemoteFlow } from './remote-flow.ts';
import { currentTraceparent } from './trace.ts';

/** What outlives this process about a flow at another pod. */
export interface FlowRecord {
  flowId: string;
  transport: TransportName;
  /** host:port of the client. */
  received: string;
  /** host:port of that pod as the client knows it. */
  sentBy?: string | undefined;
}

export interface RemoteFlows {
  /** The flow that a frame came on, with the identity that a Director or another Front End, `from`, has proved. */
  of(frame: Frame, from?: string): RemoteFlow;
  /** The flow that a response came on. Anyone can send one, and over UDP from anywhere: what is not known is not kept for it. */
  ofResponse(frame: Frame): RemoteFlow;
  find(id: string): RemoteFlow | undefined;
  /**
   * A flow that this process has not heard of yet, as after a restart. Its pod is asked, and tells if it is gone; undefined once
   * it is known to be.
   */
  revive(record: FlowRecord): RemoteFlow | undefined;
  /** The way to a pod of Persistent Chat, where what is sent is told to be from this sender. */
  speaker(pod: string, identity: string): RemoteFlow;
  ended(id: string): void;
  /** The pod is not there any more: its flows have ended, unless it comes back with them. */
  podGone(pod: string): void;
  /**
   * The pod is there again, maybe as another process. Which of its flows are new may be known before that: it is asked about each,
   * and tells of those that have ended.
   */
  podAgain(pod: string): void;
  all(): Iterable<RemoteFlow>;
  /** `host:port` of every other pod as its clients know it. */
  readonly servers: ReadonlySet<string>;
  stop(): void;
}

export interface RemoteFlowsOptions {
  pod: string;
  domain: string;
  /** false when the stream to the pod is down. Also asked for flows that end here, of which a frame came back by way of others. */
  send(pod: string, frame: Frame): boolean;
}

const SWEEP_MS = 10 * 60_000;
/** Longer than any registration: who has not been heard of for so long is gone, even if nobody told. */
const FORGET_MS = 60 * 60_000;
/** Only those matter that a binding still names. */
const REMEMBERED_ENDS = 50_000;

export function createRemoteFlows({ pod, domain, send }: RemoteFlowsOptions): RemoteFlows {
  const flows = new Map<string, RemoteFlow>();
  const servers = new Set<string>();
  /** The last flows that have ended: no pod gives an id twice, so what a binding names in vain must not come back. */
  const gone = new Set<string>();

  function make(id: string, facts: RemoteFacts, speaker = ''): RemoteFlow {
    return new RemoteFlow({
      id,
      host: `${pod}.${domain}`,
      facts: { ...facts, sentBy: facts.sentBy || domain },
      deliver: (bytes) => send(podOf(id), { ...outward(id, currentTraceparent(), bytes), identity: speaker }),
      hangUp: () => void send(podOf(id), outward(id, currentTraceparent(), undefined, FlowEvent.CLOSE)),
    });
  }

  function open(id: string, facts: RemoteFacts, speaker?: string): RemoteFlow {
    const flow = make(id, facts, speaker);
    flows.set(id, flow);
    if (facts.sentBy !== '') servers.add(facts.sentBy.toLowerCase());
    flow.onClose(() => flows.delete(id));
    return flow;
  }

  function ask(flow: RemoteFlow): RemoteFlow {
    send(podOf(flow.id), outward(flow.id, '', undefined, FlowEvent.PROBE));
    return flow;
  }

  /** A flow that was known by its id alone, as after a restart, is now known as its pod tells. */
  function learn(flow: RemoteFlow, facts: RemoteFacts): RemoteFlow {
    if (facts.sentBy === '' || flow.sentBy === facts.sentBy) return flow;
    flow.facts = facts;
    servers.add(facts.sentBy.toLowerCase());
    return flow;
  }

  function ended(id: string): void {
    gone.add(id);
    if (gone.size > REMEMBERED_ENDS) gone.delete(gone.values().next().value ?? '');
    flows.get(id)?.ended('closed at its pod');
  }

  function flowsOf(name: string): RemoteFlow[] {
    const prefix = `${name}/`;
    return [...flows.values()].filter(({ id }) => id.startsWith(prefix));
  }

  function sweep(): void {
    const old = Date.now() - FORGET_MS;
    for (const flow of flows.values()) if (flow.lastUsed < old) flow.ended('not used any more');
  }

  const sweeper = setInterval(sweep, SWEEP_MS).unref();

  return {
    of(frame, from = '') {
      const facts = factsIn(frame);
      const known = flows.get(frame.flow);
      const flow = known ? learn(known, facts) : open(frame.flow, facts);
      if (frame.identity !== '') flow.identity = frame.identity;
      flow.hops = frame.hops;
      flow.from = from;
      flow.lastUsed = Date.now();
      return flow;
    },
    ofResponse: (frame) => flows.get(frame.flow) ?? make(frame.flow, factsIn(frame)),
    find: (id) => flows.get(id),
    revive({ flowId, transport, received, sentBy = '' }) {
      if (gone.has(flowId)) return undefined;
      const facts = { transport, remote: addressOf(received), sentBy };
      return flows.get(flowId) ?? ask(open(flowId, facts));
    },
    speaker(pod, identity) {
      const id = `${pod}/by/${identity}`;
      return flows.get(id) ?? open(id, nobodys, identity);
    },
    ended,
    podGone(name) {
      for (const flow of flowsOf(name)) flow.ended('its pod is gone');
    },
    podAgain(name) {
      for (const flow of flowsOf(name)) ask(flow);
    },
    all: () => flows.values(),
    servers,
    stop: () => clearInterval(sweeper),
  };
}

/** What there is to say of a flow at whose end is no client. */
const nobodys: RemoteFacts = { transport: 'tls', remote: { address: '', port: 0 }, sentBy: '' };

const transports: readonly string[] = ['udp', 'tcp', 'tls', 'ws', 'wss'] satisfies TransportName[];
export const isTransport = (name: string): name is TransportName => transports.includes(name);

const factsIn = ({ transport, remoteAddress, remotePort, sentBy }: Frame): RemoteFacts => ({
  transport: isTransport(transport) ? transport : 'tls',
  remote: { address: remoteAddress, port: remotePort },
  sentBy,
});

function addressOf(received: string): Address {
  const colon = received.lastIndexOf(':');
  const address = received.slice(0, colon).replace(/^\[|\]$/g, '');
  return { address, port: Number(received.slice(colon + 1)) };
}
