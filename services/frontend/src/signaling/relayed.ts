import { boundedKey } from '@linchpin/host';
import type { Flow, SipRequest, SipResponse } from '@linchpin/sip';
import { createGenerations } from './generations.ts';

/** A transaction that another Front End has. */
export interface Relayed {
  /** Empty while the request is held. */
  pod: string;
  identity: string;
  hops: number;
  /** CANCEL that came while the request was held, until it is sent after it. */
  cancel?: SipRequest | undefined;
}

/**
 * What was relayed, by the client's transaction: its copies, its CANCEL and its ACK go to the same pod, and none is asked for a
 * password, which ACK and CANCEL could not give (RFC 3261 22.1), and for which a copy would use up its nonce.
 */
export interface RelayedTransactions {
  find(request: SipRequest, flow: Flow): Relayed | undefined;
  /**
   * The same for a response to an INVITE or CANCEL. Undefined for clients of RFC 2543, whose transactions a response does not name.
   */
  ofResponse(response: SipResponse, flow: Flow): Relayed | undefined;
  add(request: SipRequest, flow: Flow, relayed: Relayed): void;
  forget(request: SipRequest, flow: Flow): void;
  readonly size: number;
}

export interface RelayedTransactionsOptions {
  /** Transactions of each kind that are remembered at least. */
  capacity?: number;
  now?: () => number;
}

// RFC 3261 17.1.2.2, timer F.
const NON_INVITE_MS = 32_000;
// Longer than timer C (16.6 step 11), after which an INVITE that rings has an answer.
const INVITE_MS = 240_000;

export function createRelayedTransactions(options: RelayedTransactionsOptions = {}): RelayedTransactions {
  const { capacity = 100_000, now = () => performance.now() } = options;
  const invites = createGenerations<Relayed>({ milliseconds: INVITE_MS, capacity, now });
  const others = createGenerations<Relayed>({ milliseconds: NON_INVITE_MS, capacity, now });
  const kindOf = (method: string) => (ofInvite.has(method) ? invites : others);

  return {
    find(request, flow) {
      const kind = kindOf(request.method);
      return kind.size === 0 ? undefined : kind.get(keyOf(request, flow));
    },
    ofResponse(response, flow) {
      const key = keyOfBranch(response, flow);
      return key === undefined ? undefined : invites.get(key);
    },
    add(request, flow, relayed) {
      // On a connection nothing comes twice, and only an INVITE is followed by more of its transaction.
      if (flow.reliable && request.method !== 'INVITE') return;
      const kind = kindOf(request.method);
      const key = keyOf(request, flow);
      // What comes round does not change where copies go.
      if (!kind.get(key)) kind.set(key, relayed);
    },
    forget: (request, flow) => kindOf(request.method).delete(keyOf(request, flow)),
    get size() {
      return invites.size + others.size;
    },
  };
}

const ofInvite: ReadonlySet<string> = new Set(['INVITE', 'ACK', 'CANCEL']);

/** RFC 3261 17.2.3, without the method; clients of RFC 2543 have no branch that names the transaction. */
function keyOf(request: SipRequest, flow: Flow): string {
  const { callId, cseq, from, uri } = request;
  return (
    keyOfBranch(request, flow) ??
    boundedKey(`${callId} ${cseq.seq} ${from.tag} ${uri} ${flow.remote.address}`)
  );
}

function keyOfBranch({ via }: SipRequest | SipResponse, flow: Flow): string | undefined {
  if (!via.branch?.startsWith('z9hG4bK')) return undefined;
  return boundedKey(`${via.branch} ${via.host}:${via.port} ${flow.remote.address}`);
}
