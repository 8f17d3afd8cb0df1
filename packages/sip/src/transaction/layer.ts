import { newTag } from '../message/identifiers.ts';
import type { SipRequest } from '../message/request.ts';
import { type ResponseOptions, SipResponse } from '../message/response.ts';
import type { Flow } from '../transport/flow.ts';
import { ClientTransactions, pushVia } from './client-transactions.ts';
import { systemClock } from './clock.ts';
import { isMatchable } from './matching.ts';
import { ServerTransactions } from './server-transactions.ts';
import { statelessTag } from './stateless-tag.ts';
import { createTimerQueues } from './timer-queues.ts';
import { defaultTimerValues } from './timer-values.ts';
import { defaultServerLimits, type TransactionLayer, type TransactionLayerOptions } from './transaction.ts';

/** RFC 3261 17: what is between the transports and the transaction users. */
export function createTransactionLayer(options: TransactionLayerOptions): TransactionLayer {
  const timers = createTimerQueues(options.clock ?? systemClock);
  const values = { ...defaultTimerValues, ...options.timers };
  const limits = { ...defaultServerLimits, ...options.limits };
  const servers = new ServerTransactions(timers, values, limits, options.onAck);
  const clients = new ClientTransactions(timers, values);

  function receiveRequest(request: SipRequest, flow: Flow): void {
    const known = servers.find(request, flow);
    if (known !== undefined) known.retransmitted();
    else if (servers.full) reply(request, flow, 503, { headers: [['Retry-After', '5']] });
    else options.onRequest(request, flow);
  }

  function receiveAck(ack: SipRequest, flow: Flow): void {
    const known = servers.findAcknowledged(ack, flow);
    if (known === undefined) options.onAck(ack, flow);
    else known.acknowledge(ack);
  }

  // RFC 3261 9.2: the tag is the one that the INVITE's own answers have.
  function receiveCancel(cancel: SipRequest, flow: Flow): void {
    const known = servers.findCancelled(cancel, flow);
    if (known === undefined) {
      if (!options.onCancel?.(cancel, flow)) reply(cancel, flow, 481);
      return;
    }
    known.toTag ??= newTag();
    reply(cancel, flow, 200, { toTag: known.toTag });
    if (known.isInvite) known.cancel(cancel);
  }

  function receiveResponse(response: SipResponse, flow: Flow): void {
    const known = clients.find(response);
    if (known === undefined) options.onStray?.(response, flow);
    else known.receive(response);
  }

  return {
    receive(message, flow) {
      if (!isMatchable(message)) return;
      if (message instanceof SipResponse) receiveResponse(message, flow);
      else if (message.method === 'ACK') receiveAck(message, flow);
      else if (message.method === 'CANCEL') receiveCancel(message, flow);
      else receiveRequest(message, flow);
    },
    accept: (request, flow, accepting) => servers.accept(request, flow, accepting),
    reply(request, flow, response) {
      // RFC 3261 17: nothing answers an ACK.
      if (request.method !== 'ACK') flow.send(response.toBuffer());
    },
    request: (request, flow, handlers, branch) => clients.request(request, flow, handlers, branch),
    send(request, flow, branch) {
      pushVia(request, flow, branch);
      return flow.send(request.toBuffer());
    },
    *underWay() {
      yield* servers.underWay();
      yield* clients.underWay();
    },
    stats: () => ({ server: servers.count, client: clients.count }),
    close() {
      timers.close();
      servers.clear();
      clients.clear();
    },
  };
}

function reply(request: SipRequest, flow: Flow, status: number, options: ResponseOptions = {}): void {
  const toTag = options.toTag ?? statelessTag(request);
  flow.send(SipResponse.to(request, status, undefined, { ...options, toTag }).toBuffer());
}
