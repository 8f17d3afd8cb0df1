import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { Flow } from '../transport/flow.ts';
import { acknowledge } from './follow-up.ts';
import type { InviteClientInput, InviteClientState, InviteClientVerb } from './invite-client.ts';
import type { Machine } from './machine.ts';
import { clientKey, sentByOf } from './matching.ts';
import type { NonInviteClientState } from './non-invite-client.ts';
import { RunningMachine } from './running-machine.ts';
import type { TimerQueues } from './timer-queues.ts';
import type { ClientHandlers } from './transaction.ts';

export type ClientState = InviteClientState | NonInviteClientState;
export type ClientMachine = Machine<ClientState, InviteClientInput, InviteClientVerb>;

/** What a client transaction needs of its layer. */
export interface ClientPlace {
  readonly timers: TimerQueues;
  sendCancel(invite: SipRequest, flow: Flow): void;
  gone(record: ClientRecord): void;
}

const provisional: InviteClientInput = { on: '1xx' };
const success: InviteClientInput = { on: '2xx' };
const failure: InviteClientInput = { on: '300-699' };
const cancelWanted: InviteClientInput = { on: 'cancel wanted' };
const transportError: InviteClientInput = { on: 'transport error' };

/** Nobody waits for the answer. */
export const unheard: ClientHandlers = { onResponse() {}, onError() {} };

/**
 * A client transaction as the layer holds it. What is not INVITE stays for seconds after its final response only to take in
 * copies of that, and needs neither the request nor who made it any more.
 */
export class ClientRecord extends RunningMachine<ClientState, InviteClientInput, InviteClientVerb> {
  readonly key: string;
  /** Of the Via that goes out, as sentByOf reads it. */
  readonly sentBy: string;
  readonly flow: Flow;
  readonly #isInvite: boolean;
  readonly #place: ClientPlace;
  #request: SipRequest | undefined;
  #handlers: ClientHandlers;
  #bytes: Buffer | undefined;
  #ack: Buffer | undefined;
  #atHand: SipResponse | undefined;

  constructor(
    request: SipRequest,
    flow: Flow,
    handlers: ClientHandlers,
    machine: ClientMachine,
    place: ClientPlace,
  ) {
    super(machine, place.timers);
    this.key = clientKey(request.via.branch, request.method);
    this.sentBy = sentByOf(request.via);
    this.flow = flow;
    this.#isInvite = request.method === 'INVITE';
    this.#place = place;
    this.#request = request;
    this.#handlers = handlers;
    this.#bytes = undefined;
    this.#ack = undefined;
    this.#atHand = undefined;
  }

  get finished(): boolean {
    return this.state === 'completed' || this.state === 'accepted' || this.state === 'terminated';
  }

  cancel(): void {
    if (this.#isInvite) this.apply(cancelWanted);
  }

  receive(response: SipResponse): void {
    this.#atHand = response;
    this.apply(response.status < 200 ? provisional : response.status < 300 ? success : failure);
    this.#atHand = undefined;
    if (!this.#isInvite && response.status >= 200) this.#release();
  }

  failed(): void {
    this.apply(transportError);
  }

  protected override perform(verb: InviteClientVerb): void {
    switch (verb) {
      case 'send':
        this.#bytes ??= this.#sent.toBuffer();
        return this.#send(this.#bytes);
      case 'send ack':
        this.#ack ??= acknowledge(this.#sent, this.#atHand as SipResponse).toBuffer();
        return this.#send(this.#ack);
      case 'send cancel':
        return this.#place.sendCancel(this.#sent, this.flow);
      case 'pass':
        return this.#handlers.onResponse(this.#atHand as SipResponse);
      case 'tell timeout':
        return this.#handlers.onError('timeout');
      case 'tell transport':
        return this.#handlers.onError('transport');
    }
  }

  protected override terminated(): void {
    this.#place.gone(this);
  }

  get #sent(): SipRequest {
    return this.#request as SipRequest;
  }

  #release(): void {
    this.#request = undefined;
    this.#bytes = undefined;
    this.#handlers = unheard;
  }

  // Whoever made the request is still inside of the call, so a failure comes to it later.
  #send(bytes: Buffer): void {
    if (!this.flow.send(bytes)) queueMicrotask(() => this.failed());
  }
}
