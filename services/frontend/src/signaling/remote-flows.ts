import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import type { Address, TransportName } from '@linchpin/sip';
import { type RemoteFacts, RemoteFlow } from './remote-flow.ts';
import { currentTraceparent } from './trace.ts';

/** What outlives this process about a flow at an Edge. */
export interface FlowRecord {
  flowId: string;
  transport: TransportName;
  /** host:port of the client. */
  received: string;
  /** host:port of the Edge as the client knows it. */
  sentBy?: string | undefined;
}

export interface RemoteFlows {
  /** The flow that a frame came on, with the identity that its Director proved. */
  of(frame: Frame): RemoteFlow;
  find(id: string): RemoteFlow | undefined;
  /**
   * A flow that this process has not heard of yet, as after a restart. If it is gone, its Edge tells on the first use;
   * undefined once it is known to be.
   */
  revive(record: FlowRecord): RemoteFlow | undefined;
  ended(id: string): void;
  all(): Iterable<RemoteFlow>;
  /** `host:port` of every Edge as its clients know it. */
  readonly edges: ReadonlySet<string>;
  stop(): void;
}

export interface RemoteFlowsOptions {
  pod: string;
  domain: string;
  /** false when the stream to the pod is down. */
  send(pod: string, frame: Frame): boolean;
}

const SWEEP_MS = 10 * 60_000;
/** Longer than any registration: who has not been heard of for so long is gone, even if nobody told. */
const FORGET_MS = 60 * 60_000;
/** Only those matter that a binding still names. */
const REMEMBERED_ENDS = 50_000;
const nothing = Buffer.alloc(0);

export const podOf = (flowId: string): string => flowId.slice(0, flowId.indexOf('/'));

export function createRemoteFlows({ pod, domain, send }: RemoteFlowsOptions): RemoteFlows {
  const flows = new Map<string, RemoteFlow>();
  const edges = new Set<string>();
  /** The last flows that have ended: an Edge gives no id twice, so what a binding names in vain must not come back. */
  const gone = new Set<string>();

  const frameTo = (flow: string, message: Uint8Array, event: FlowEvent): Frame => ({
    message: message as Buffer,
    flow,
    event,
    identity: '',
    transport: '',
    remoteAddress: '',
    remotePort: 0,
    traceparent: currentTraceparent(),
    sentBy: '',
    hops: 0,
  });

  function open(id: string, facts: RemoteFacts): RemoteFlow {
    const flow = new RemoteFlow({
      id,
      host: `${pod}.${domain}`,
      facts: { ...facts, advertised: facts.advertised || domain },
      deliver: (bytes) => send(podOf(id), frameTo(id, bytes, FlowEvent.UNSPECIFIED)),
      hangUp: () => void send(podOf(id), frameTo(id, nothing, FlowEvent.CLOSE)),
    });
    flows.set(id, flow);
    if (facts.advertised !== '') edges.add(facts.advertised.toLowerCase());
    flow.onClose(() => flows.delete(id));
    return flow;
  }

  /** A flow that was known by its id alone, as after a restart, is now known as its Edge tells. */
  function learn(flow: RemoteFlow, facts: RemoteFacts): RemoteFlow {
    if (facts.advertised === '' || flow.advertised === facts.advertised) return flow;
    flow.facts = facts;
    edges.add(facts.advertised.toLowerCase());
    return flow;
  }

  function ended(id: string): void {
    gone.add(id);
    if (gone.size > REMEMBERED_ENDS) gone.delete(gone.values().next().value ?? '');
    flows.get(id)?.ended('closed at its Edge');
  }

  function sweep(): void {
    const old = Date.now() - FORGET_MS;
    for (const flow of flows.values()) if (flow.lastUsed < old) flow.ended('not used any more');
  }

  const sweeper = setInterval(sweep, SWEEP_MS).unref();

  return {
    of(frame) {
      const facts = factsIn(frame);
      const known = flows.get(frame.flow);
      const flow = known ? learn(known, facts) : open(frame.flow, facts);
      if (frame.identity !== '') flow.identity = frame.identity;
      flow.lastUsed = Date.now();
      return flow;
    },
    find: (id) => flows.get(id),
    revive({ flowId, transport, received, sentBy = '' }) {
      if (gone.has(flowId)) return undefined;
      const facts = { transport, remote: addressOf(received), advertised: sentBy };
      return flows.get(flowId) ?? open(flowId, facts);
    },
    ended,
    all: () => flows.values(),
    edges,
    stop: () => clearInterval(sweeper),
  };
}

const factsIn = ({ transport, remoteAddress, remotePort, sentBy }: Frame): RemoteFacts => ({
  transport: transport === 'wss' ? 'wss' : 'tls',
  remote: { address: remoteAddress, port: remotePort },
  advertised: sentBy,
});

function addressOf(received: string): Address {
  const colon = received.lastIndexOf(':');
  return { address: received.slice(0, colon), port: Number(received.slice(colon + 1)) };
}
