import {
  createUnanswered,
  type Flow,
  type SipRequest,
  type SipResponse,
  type TransactionLayer,
} from '@linchpin/sip';
import { Refused } from '../refused.ts';
import { tooLate } from './cancels.ts';
import { retryAfter, unavailable } from './failures.ts';
import { inward } from './frames.ts';
import { createHeld } from './held.ts';
import type { Links } from './links.ts';
import type { Relayed, RelayedTransactions } from './relayed.ts';
import { isRemote } from './remote-flow.ts';

/** Which Front End serves which user. */
export interface Owners {
  /** Whether this pod does, at this very moment. */
  serves(aor: string): boolean;
  /** The pod that does; maybe this one, not yet ready; undefined: nobody for now. */
  ownerOf(aor: string): string | undefined;
  /** False while this pod does not know yet who serves whom. */
  readonly loaded: boolean;
  /** Any of these has changed. */
  onOwners(listener: () => void): () => void;
}

export interface DispatchParts {
  pod: string;
  domain: string;
  owners: Owners;
  /** Whether the user is served by this pool at all; all others are refused here. */
  isHomed(aor: string): boolean;
  links: Pick<Links, 'isUp' | 'send' | 'isFrontEnd'>;
  layer: Pick<TransactionLayer, 'receive' | 'reply'>;
  relayed: RelayedTransactions;
  onRelayed?(): void;
  /** Milliseconds that a request waits for somebody who serves its user, 5000 at most. */
  patience?: number;
  /** Requests that wait at most. */
  limit?: number;
  /** Bytes of them. */
  limitBytes?: number;
}

/** A request of a proven sender, for a user who is not served here. */
export interface Arrived {
  request: SipRequest;
  flow: Flow;
  identity: string;
  aor: string;
  traceparent: string;
  /** The user is served here now. */
  serve(): void;
  refuse(refused: Refused): void;
}

/** Brings what concerns a user to the pod that serves it. */
export interface Dispatch {
  /** Whether requests about the user are handled here, if only to be refused. */
  isHere(aor: string): boolean;
  relay(arrived: Arrived): void;
  /** Copies, ACK and CANCEL of what was relayed, and who has them now. False for what is new. */
  follow(request: SipRequest, flow: Flow): boolean;
  /** A client's response that is for another pod. */
  response(response: SipResponse, flow: Flow): void;
  /** What the client of a flow that ends here is told by another pod. */
  told(flow: Flow, message: Buffer): void;
  /** The stream to another Front End has ended: it may be gone with what it had in hand. */
  podGone(): void;
  /** Looks again at what waits. */
  look(): void;
  readonly waiting: number;
  stop(): void;
}

type Waiting = Arrived & { hops: number; entry: Relayed };

/** Whoever has passed it on does so once more 7.5 seconds later (`createUnanswered`): nobody must hold it still. */
const PATIENCE_MS = 5000;
const LIMIT = 5000;
const LIMIT_BYTES = 32 * 1024 * 1024;
/** Front Ends that a request passes on its way; their tables agree after one or two. */
const MAX_HOPS = 3;

export function createDispatch(parts: DispatchParts): Dispatch {
  const {
    pod,
    domain,
    owners,
    isHomed,
    links,
    layer,
    relayed,
    onRelayed,
    patience = PATIENCE_MS,
    limit = LIMIT,
    limitBytes = LIMIT_BYTES,
  } = parts;
  const suffix = `.${domain}`;
  const held = createHeld<Waiting>({
    milliseconds: Math.min(patience, PATIENCE_MS),
    limit,
    limitBytes,
    onExpired: (waiting) => giveUp(waiting),
  });

  // A pod dies with what it had in hand. Over UDP the client sends copies itself, and what came by another pod is that one's.
  const unanswered = createUnanswered<Arrived>({
    again: (arrived) => arrived.flow.closed || again(arrived),
  });
  const isLanded = ({ flow }: Arrived): boolean => flow.reliable && !isRemote(flow);

  function again(arrived: Arrived): void {
    relayed.forget(arrived.request, arrived.flow);
    if (!isHere(arrived.aor)) return relay(arrived);
    settled(arrived);
    arrived.serve();
  }

  /** It is answered here from now on. */
  const settled = ({ request, flow }: Arrived): void => unanswered.forget(flow.id, request);

  const isHere = (aor: string): boolean => owners.serves(aor) || !isHomed(aor);

  /** The stream to whoever serves the user; a stream that is down is as good as nobody. */
  function ownerOf(aor: string): string | undefined {
    const owner = owners.ownerOf(aor);
    return owner !== undefined && owner !== pod && links.isUp(owner) ? owner : undefined;
  }

  function sendTo(to: string, arrived: Arrived, hops: number): boolean {
    const { request, flow, identity, traceparent } = arrived;
    const bytes = request.toBuffer();
    const isSent = links.send(to, inward(flow, bytes, { identity, hops: hops + 1, traceparent }));
    if (isSent) onRelayed?.();
    if (isSent && isLanded(arrived)) unanswered.add(flow.id, request, arrived, bytes.length);
    return isSent;
  }

  function relay(arrived: Arrived): void {
    const { request, flow, identity, aor } = arrived;
    const hops = hopsOf(flow);
    if (hops >= MAX_HOPS) return arrived.refuse(astray());
    const to = ownerOf(aor);
    const isSent = to !== undefined && sendTo(to, arrived, hops);
    const entry: Relayed = { pod: isSent ? to : '', identity, hops };
    relayed.add(request, flow, entry);
    if (isSent || held.add({ ...arrived, hops, entry }, request.toBuffer().length)) return;
    relayed.forget(request, flow);
    settled(arrived);
    arrived.refuse(nobody());
  }

  const nobody = (): Refused => (owners.loaded ? unserved() : unavailable('not-loaded'));

  function giveUp(waiting: Waiting): void {
    const { request, flow, entry, refuse } = waiting;
    relayed.forget(request, flow);
    settled(waiting);
    if (flow.closed) return;
    refuse(nobody());
    if (entry.cancel) layer.reply(entry.cancel, flow, tooLate(entry.cancel));
  }

  /** True when somebody has taken it, or nobody needs it any more. */
  function take(waiting: Waiting): boolean {
    const { request, flow, aor, entry } = waiting;
    if (flow.closed) return true;
    if (isHere(aor)) {
      relayed.forget(request, flow);
      settled(waiting);
      waiting.serve();
      if (entry.cancel) layer.receive(entry.cancel, flow);
      return true;
    }
    const to = ownerOf(aor);
    if (to === undefined || !sendTo(to, waiting, waiting.hops)) return false;
    entry.pod = to;
    // By now the flow may be that of another message, with another number of hops.
    if (entry.cancel) sendAfter(entry.cancel, flow, entry);
    entry.cancel = undefined;
    return true;
  }

  /** To the pod that has the transaction. */
  function sendAfter(request: SipRequest, flow: Flow, { pod: to, identity, hops }: Relayed): boolean {
    const frame = inward(flow, request.toBuffer(), { identity, hops: hops + 1, traceparent: '' });
    return links.isUp(to) && links.send(to, frame);
  }

  function follow(request: SipRequest, flow: Flow): boolean {
    const entry = relayed.find(request, flow);
    if (!entry) return false;
    // A CANCEL may have been looking for its INVITE, and passed more pods than that.
    if (entry.pod === '' && request.method === 'CANCEL') {
      entry.cancel = request;
      return true;
    }
    // What has passed another number of pods is no copy: it has come round.
    if (entry.hops !== hopsOf(flow)) return false;
    if (entry.pod === '' || sendAfter(request, flow, entry)) return true;
    relayed.forget(request, flow);
    return false;
  }

  const look = (): void => {
    if (held.size > 0) held.look(take);
  };
  const off = owners.onOwners(look);

  return {
    isHere,
    relay,
    follow,
    response(response, flow) {
      const { host } = response.via;
      // Only what a client here has said: what other pods bring is not for others.
      if (isRemote(flow) || !host.endsWith(suffix)) return;
      const to = host.slice(0, -suffix.length);
      const told = { identity: flow.identity, hops: 0, traceparent: '' };
      // No other role asks clients anything by itself, and none must be reached by a name that a client makes up.
      if (links.isFrontEnd(to)) links.send(to, inward(flow, response.toBuffer(), told));
    },
    told: (flow, message) => unanswered.answered(flow.id, message),
    podGone: unanswered.podGone,
    look,
    get waiting() {
      return held.size;
    },
    stop() {
      off();
      held.stop();
      unanswered.stop();
    },
  };
}

/** How many Front Ends the message that is being handled has passed. */
const hopsOf = (flow: Flow): number => (isRemote(flow) ? flow.hops : 0);

const unserved = (): Refused =>
  new Refused(503, 'No Front End serves this user right now', 'no-owner', retryAfter());
const astray = (): Refused =>
  new Refused(503, 'The Front Ends disagree on who serves this user', 'relay-loop', retryAfter());
