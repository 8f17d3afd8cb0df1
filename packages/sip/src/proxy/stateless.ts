import { hash } from 'node:crypto';
import { SipError } from '../message/error.ts';
import type { SipRequest } from '../message/request.ts';
import type { TransactionLayer } from '../transaction/transaction.ts';
import type { Flow } from '../transport/flow.ts';
import type { LoopDetection } from './loop-detection.ts';
import { outgoingRequest } from './outgoing-request.ts';
import type { Target } from './target.ts';
import { breadthOf } from './target-set.ts';

/** RFC 3261 16.11, for ACK: it has no answer, so whatever cannot be sent is dropped. */
export function relayStateless(
  layer: TransactionLayer,
  loops: LoopDetection,
  ack: SipRequest,
  target: Target,
): void {
  const send = (flow: Flow | undefined) => {
    if (flow) dropMalformed(() => layer.send(copyFor(ack, target), flow, statelessBranch(loops, ack)));
  };
  const flow = target.flow();
  if (flow instanceof Promise) flow.then(send, () => undefined);
  else send(flow);
}

function dropMalformed(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof SipError)) throw error;
  }
}

function copyFor(ack: SipRequest, { uri, route = [] }: Target): SipRequest {
  return outgoingRequest(ack, { uri, route, recordRoutes: [], maxBreadth: breadthOf(ack) });
}

/** The same for a retransmission, and for no other request (RFC 3261 16.11). */
function statelessBranch(loops: LoopDetection, ack: SipRequest): string {
  const { branch } = ack.via;
  const key = branch?.startsWith('z9hG4bK') ? branch : fieldsThatDiffer(ack);
  return loops.branch(loops.mark(ack), hash('sha256', key, 'hex').slice(0, 32));
}

/** A branch of RFC 2543 is not unique. */
function fieldsThatDiffer(ack: SipRequest): string {
  return [ack.via, ack.to.tag, ack.from.tag, ack.callId, ack.cseq.seq, ack.uri].join('\n');
}
