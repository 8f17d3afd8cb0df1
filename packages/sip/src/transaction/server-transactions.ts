import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { Flow } from '../transport/flow.ts';
import { inviteServer } from './invite-server.ts';
import { machineChoice } from './machine-choice.ts';
import { hasUniqueBranch, kindOf, legacyKey, serverKey } from './matching.ts';
import { nonInviteServer } from './non-invite-server.ts';
import { type ServerMachine, type ServerPlace, ServerRecord } from './server-record.ts';
import type { TimerQueues } from './timer-queues.ts';
import type { TimerValues } from './timer-values.ts';
import type { AcceptOptions, ServerLimits, ServerTransaction, TransactionFailure } from './transaction.ts';

/** All server transactions of a layer. Lookups throw SipError when the request's Via cannot be read. */
export class ServerTransactions implements ServerPlace {
  readonly timers: TimerQueues;
  readonly passAck: (ack: SipRequest, flow: Flow) => void;
  readonly #records: Map<string, ServerRecord>;
  readonly #machineFor: (method: string, reliable: boolean) => ServerMachine;
  readonly #limits: ServerLimits;
  #bytes: number;
  /** What was looked for last, which is accepted next as a rule: the key is not made twice. */
  #sought: { request: SipRequest; flow: Flow; key: string } | undefined;

  constructor(
    timers: TimerQueues,
    values: TimerValues,
    limits: ServerLimits,
    passAck: (ack: SipRequest, flow: Flow) => void,
  ) {
    this.timers = timers;
    this.passAck = passAck;
    this.#records = new Map();
    this.#machineFor = machineChoice<ServerMachine>(inviteServer, nonInviteServer, values);
    this.#limits = limits;
    this.#bytes = 0;
    this.#sought = undefined;
  }

  get count(): number {
    return this.#records.size;
  }

  get full(): boolean {
    return this.#records.size >= this.#limits.transactions || this.#bytes >= this.#limits.bytes;
  }

  accept(request: SipRequest, flow: Flow, options: AcceptOptions = {}): ServerTransaction {
    const key = this.#keyOf(request, flow);
    const record = new ServerRecord(
      key,
      request,
      flow,
      this.#machineFor(request.method, flow.reliable),
      this,
      options.onFinal,
    );
    this.#records.set(key, record);
    record.begin();
    if (options.trying === false && record.isInvite) record.answersAtOnce();
    return new AcceptedRequest(request, flow, record);
  }

  /** The transaction that this request, neither ACK nor CANCEL, is a retransmission for. */
  find(request: SipRequest, flow: Flow): ServerRecord | undefined {
    const key = serverKey(request, flow, kindOf(request.method));
    this.#sought = { request, flow, key };
    const record = this.#records.get(key);
    return record?.method === request.method ? record : undefined;
  }

  /** RFC 3261 9.2: the transaction that a CANCEL is about. */
  findCancelled(cancel: SipRequest, flow: Flow): ServerRecord | undefined {
    return this.#records.get(serverKey(cancel, flow, 'I')) ?? this.#records.get(serverKey(cancel, flow, 'O'));
  }

  findAcknowledged(ack: SipRequest, flow: Flow): ServerRecord | undefined {
    return hasUniqueBranch(ack)
      ? this.#records.get(serverKey(ack, flow, 'I'))
      : this.#findByLegacyAck(ack, flow);
  }

  *underWay(): Iterable<Flow> {
    for (const { finished, flow } of this.#records.values()) if (!finished) yield flow;
  }

  clear(): void {
    this.#records.clear();
    this.#bytes = 0;
  }

  grew(bytes: number): void {
    this.#bytes += bytes;
  }

  gone(record: ServerRecord): void {
    if (this.#records.get(record.key) === record) this.#records.delete(record.key);
  }

  #keyOf(request: SipRequest, flow: Flow): string {
    const sought = this.#sought;
    this.#sought = undefined;
    if (sought?.request === request && sought.flow === flow) return sought.key;
    return serverKey(request, flow, kindOf(request.method));
  }

  // RFC 3261 17.2.3: the To tag of the ACK is that of the response, while the INVITE had none or that of its dialog.
  #findByLegacyAck(ack: SipRequest, flow: Flow): ServerRecord | undefined {
    const { tag } = ack.to;
    const first = this.#records.get(legacyKey(ack, flow, 'I', undefined));
    if (first !== undefined && first.toTag === tag) return first;
    return tag === undefined ? undefined : this.#records.get(legacyKey(ack, flow, 'I', tag));
  }
}

/** What the transaction user holds; the record behind it lets go of the request when it is answered. */
class AcceptedRequest implements ServerTransaction {
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly #record: ServerRecord;

  constructor(request: SipRequest, flow: Flow, record: ServerRecord) {
    this.request = request;
    this.flow = flow;
    this.#record = record;
  }

  get finished(): boolean {
    return this.#record.finished;
  }

  respond(response: SipResponse): void {
    this.#record.respond(response);
  }

  onCancel(listener: (cancel: SipRequest) => void): void {
    this.#record.addCancelListener(listener);
  }

  onError(listener: (kind: TransactionFailure) => void): void {
    this.#record.addErrorListener(listener);
  }
}
