import {
  createTransactionLayer,
  type SipRequest,
  SipResponse,
  type TransactionFailure,
  type TransactionLayer,
} from '@linchpin/sip';
import { type ClientFlow, openFlow } from './flow.ts';
import type { Way } from './way.ts';

/** What comes on a flow; the answer goes back in its transaction. */
export type Answerer = (request: SipRequest) => SipResponse;

/** One transaction layer for all clients of this process. */
export interface Stack {
  open(way: Way, answer: Answerer, milliseconds?: number): Promise<ClientFlow>;
  /** The final response, or why there is none. */
  ask(request: SipRequest, flow: ClientFlow, milliseconds: number): Promise<SipResponse | TransactionFailure>;
  close(): void;
}

/** A flow that has been silent for so long is asked whether it is still there, and is given up when it says nothing for as long. */
const SUSPICION_MS = 2000;

export function createStack(): Stack {
  const answerers = new WeakMap<object, Answerer>();
  const layer: TransactionLayer = createTransactionLayer({
    onRequest(request, flow) {
      const transaction = layer.accept(request, flow);
      const answer = answerers.get(flow);
      transaction.respond(answer === undefined ? SipResponse.to(request, 481) : answer(request));
    },
    onAck() {},
  });

  async function suspect(flow: ClientFlow): Promise<void> {
    if (!flow.closed && !(await flow.ping(SUSPICION_MS))) flow.close('it answers no keep-alive');
  }

  return {
    async open(way, answer, milliseconds) {
      const flow = await openFlow(way, (message, on) => layer.receive(message, on), milliseconds);
      answerers.set(flow, answer);
      return flow;
    },
    ask(request, flow, milliseconds) {
      return new Promise((resolve) => {
        const done = (result: SipResponse | TransactionFailure): void => {
          clearTimeout(late);
          clearTimeout(silent);
          resolve(result);
        };
        const late = setTimeout(() => done('timeout'), milliseconds);
        const silent = setTimeout(() => void suspect(flow), SUSPICION_MS);
        layer.request(request, flow, {
          onResponse: (response) => void (response.status >= 200 && done(response)),
          onError: done,
        });
      });
    },
    close: () => layer.close(),
  };
}
