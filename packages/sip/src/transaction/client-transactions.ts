import { newBranch } from '../message/identifiers.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { Flow } from '../transport/flow.ts';
import { type ClientMachine, type ClientPlace, ClientRecord, unheard } from './client-record.ts';
import { cancelOf } from './follow-up.ts';
import { inviteClient } from './invite-client.ts';
import { machineChoice } from './machine-choice.ts';
import { clientKeyOf, sentByOf } from './matching.ts';
import { nonInviteClient } from './non-invite-client.ts';
import type { TimerQueues } from './timer-queues.ts';
import type { TimerValues } from './timer-values.ts';
import type { ClientHandlers, ClientTransaction } from './transaction.ts';

/** All client transactions of a layer. */
export class ClientTransactions implements ClientPlace {
  readonly timers: TimerQueues;
  readonly #records: Map<string, ClientRecord>;
  readonly #byFlow: WeakMap<Flow, Set<ClientRecord>>;
  readonly #machineFor: (method: string, reliable: boolean) => ClientMachine;

  constructor(timers: TimerQueues, values: TimerValues) {
    this.timers = timers;
    this.#records = new Map();
    this.#byFlow = new WeakMap();
    this.#machineFor = machineChoice<ClientMachine>(inviteClient, nonInviteClient, values);
  }

  get count(): number {
    return this.#records.size;
  }

  request(request: SipRequest, flow: Flow, handlers: ClientHandlers, branch?: string): ClientTransaction {
    pushVia(request, flow, branch);
    return new SentRequest(request, flow, this.#begin(request, flow, handlers));
  }

  /** Throws SipError when the response's Via or CSeq cannot be read. */
  find(response: SipResponse): ClientRecord | undefined {
    const record = this.#records.get(clientKeyOf(response));
    return record !== undefined && record.sentBy === sentByOf(response.via) ? record : undefined;
  }

  *underWay(): Iterable<Flow> {
    for (const { finished, flow } of this.#records.values()) if (!finished) yield flow;
  }

  clear(): void {
    for (const record of this.#records.values()) this.#byFlow.get(record.flow)?.clear();
    this.#records.clear();
  }

  sendCancel(invite: SipRequest, flow: Flow): void {
    this.#begin(cancelOf(invite), flow, unheard);
  }

  gone(record: ClientRecord): void {
    if (this.#records.get(record.key) === record) this.#records.delete(record.key);
    this.#byFlow.get(record.flow)?.delete(record);
  }

  #begin(request: SipRequest, flow: Flow, handlers: ClientHandlers): ClientRecord {
    const record = new ClientRecord(
      request,
      flow,
      handlers,
      this.#machineFor(request.method, flow.reliable),
      this,
    );
    this.#records.set(record.key, record);
    if (flow.reliable) this.#recordsOn(flow).add(record);
    record.begin();
    return record;
  }

  // When a connection ends, the answers that were to come over it will not.
  #recordsOn(flow: Flow): Set<ClientRecord> {
    const known = this.#byFlow.get(flow);
    if (known !== undefined) return known;
    const records = new Set<ClientRecord>();
    this.#byFlow.set(flow, records);
    flow.onClose(() => {
      for (const record of records) record.failed();
    });
    return records;
  }
}

/** What the transaction user holds; the record behind it lets go of the request when it is answered. */
class SentRequest implements ClientTransaction {
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly #record: ClientRecord;

  constructor(request: SipRequest, flow: Flow, record: ClientRecord) {
    this.request = request;
    this.flow = flow;
    this.#record = record;
  }

  cancel(): void {
    this.#record.cancel();
  }
}

/**
 * RFC 3261 18.1.1; with `rport`, so that answers find their way back through a NAT (RFC 3581 3). Over connections it is not
 * needed, but some clients look the connection up by it (COMPAT: belle-sip).
 */
export function pushVia(request: SipRequest, flow: Flow, branch = newBranch()): void {
  const transport = flow.transport.toUpperCase();
  request.prepend('Via', `SIP/2.0/${transport} ${flow.via ?? flow.sentBy};rport;branch=${branch}`);
}
