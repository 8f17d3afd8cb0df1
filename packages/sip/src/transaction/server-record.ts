import type { SipRequest } from '../message/request.ts';
import { SipResponse } from '../message/response.ts';
import type { Flow } from '../transport/flow.ts';
import type { InviteServerState, ServerInput, ServerVerb } from './invite-server.ts';
import type { Machine } from './machine.ts';
import type { NonInviteServerState } from './non-invite-server.ts';
import { RunningMachine } from './running-machine.ts';
import type { TimerQueues } from './timer-queues.ts';
import type { TransactionFailure } from './transaction.ts';

export type ServerState = InviteServerState | NonInviteServerState;
export type ServerMachine = Machine<ServerState, ServerInput, ServerVerb>;

/** What a server transaction needs of its layer. */
export interface ServerPlace {
  readonly timers: TimerQueues;
  /** The answers kept for retransmissions grew by so many bytes. */
  grew(bytes: number): void;
  passAck(ack: SipRequest, flow: Flow): void;
  gone(record: ServerRecord): void;
}

const retransmission: ServerInput = { on: 'request' };
const provisional: ServerInput = { on: '1xx' };
const success: ServerInput = { on: '2xx' };
const failure: ServerInput = { on: '300-699' };
const tooLate: ServerInput = { on: 'too late' };
const acknowledged: ServerInput = { on: 'ack' };
const transportError: ServerInput = { on: 'transport error' };

/** A server transaction as the layer holds it: after its final response only with the bytes of that. */
export class ServerRecord extends RunningMachine<ServerState, ServerInput, ServerVerb> {
  readonly key: string;
  readonly flow: Flow;
  readonly method: string;
  /** What this side put into To; known for INVITE only. */
  toTag: string | undefined;
  readonly #place: ServerPlace;
  #onCancel: ((cancel: SipRequest) => void)[] | undefined;
  #onError: ((kind: TransactionFailure) => void)[] | undefined;
  #onFinal: ((response: Buffer) => void) | undefined;
  #cancel: SipRequest | undefined;
  #request: SipRequest | undefined;
  /** The response or ACK that the machine is being asked about. */
  #atHand: SipResponse | SipRequest | undefined;
  #last: Buffer | undefined;

  constructor(
    key: string,
    request: SipRequest,
    flow: Flow,
    machine: ServerMachine,
    place: ServerPlace,
    onFinal?: (response: Buffer) => void,
  ) {
    super(machine, place.timers);
    this.key = key;
    this.flow = flow;
    this.method = request.method;
    this.toTag = undefined;
    this.#place = place;
    this.#onCancel = undefined;
    this.#onError = undefined;
    this.#onFinal = onFinal;
    this.#cancel = undefined;
    this.#request = request;
    this.#atHand = undefined;
    this.#last = undefined;
  }

  get isInvite(): boolean {
    return this.method === 'INVITE';
  }

  get finished(): boolean {
    return this.state !== 'proceeding' && this.state !== 'trying';
  }

  respond(response: SipResponse): void {
    const input = this.#inputFor(response.status);
    if (input === undefined) return;
    this.#applyTo(input, response);
    if (this.finished) this.#release();
  }

  retransmitted(): void {
    this.apply(retransmission);
  }

  acknowledge(ack: SipRequest): void {
    this.#applyTo(acknowledged, ack);
  }

  cancel(cancel: SipRequest): void {
    if (this.finished || this.#cancel !== undefined) return;
    this.#cancel = cancel;
    for (const listener of this.#onCancel ?? []) listener(cancel);
  }

  addCancelListener(listener: (cancel: SipRequest) => void): void {
    if (this.#cancel !== undefined) listener(this.#cancel);
    else if (!this.finished) this.#onCancel = [...(this.#onCancel ?? []), listener];
  }

  addErrorListener(listener: (kind: TransactionFailure) => void): void {
    this.#onError = [...(this.#onError ?? []), listener];
  }

  /** Stops the timer for 100. */
  answersAtOnce(): void {
    this.stop('repeat');
  }

  protected override perform(verb: ServerVerb): void {
    switch (verb) {
      case 'send':
        return this.#send(this.#atHand as SipResponse);
      case 'send 100':
        return this.#send(SipResponse.to(this.#request as SipRequest, 100));
      case 'resend':
        return this.#sendBytes(this.#last);
      case 'pass ack':
        return this.#place.passAck(this.#atHand as SipRequest, this.flow);
      case 'tell timeout':
        return this.#tell('timeout');
      case 'tell transport':
        return this.#tell('transport');
    }
  }

  protected override terminated(): void {
    this.#release();
    if (this.#last !== undefined) this.#place.grew(-this.#last.length);
    this.#last = undefined;
    this.#place.gone(this);
  }

  // RFC 4320 4: to a request other than INVITE no provisional but 100, and no 408.
  #inputFor(status: number): ServerInput | undefined {
    if (status < 200) return this.isInvite || status === 100 ? provisional : undefined;
    if (status === 408 && !this.isInvite) return tooLate;
    return status < 300 ? success : failure;
  }

  #applyTo(input: ServerInput, message: SipResponse | SipRequest): void {
    this.#atHand = message;
    this.apply(input);
    this.#atHand = undefined;
  }

  #send(response: SipResponse): void {
    const bytes = response.toBuffer();
    if (this.isInvite) this.toTag = response.to.tag ?? this.toTag;
    if (this.state !== 'terminated') this.#keep(bytes);
    if (response.status >= 200) this.#onFinal?.(bytes);
    this.#sendBytes(bytes);
  }

  #keep(bytes: Buffer): void {
    this.#place.grew(bytes.length - (this.#last?.length ?? 0));
    this.#last = bytes;
  }

  #sendBytes(bytes: Buffer | undefined): void {
    if (bytes === undefined || this.flow.send(bytes)) return;
    if (this.state === 'terminated') this.#tell('transport');
    else this.apply(transportError);
  }

  #tell(kind: TransactionFailure): void {
    for (const listener of this.#onError ?? []) listener(kind);
  }

  #release(): void {
    this.#request = undefined;
    this.#onCancel = undefined;
    this.#cancel = undefined;
  }
}
