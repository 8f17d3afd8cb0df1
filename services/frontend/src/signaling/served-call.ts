import type { Flow, ServerTransaction, SipRequest } from '@linchpin/sip';
import { SipResponse } from '@linchpin/sip';
import { Refused } from '../refused.ts';
import type { Telemetry } from '../telemetry.ts';
import type { Call, ReplyOptions } from './call.ts';
import type { Refusals } from './refusals.ts';
import { withTraceparent } from './trace.ts';

/** One side of a dialog: the flow to a user's endpoint, as our own Record-Route names it. */
export interface Hop {
  flowId: string;
  /** The address of record of the user at the other end of the flow. */
  aor: string;
  /** Mark of the endpoint, by which it is found again on another flow; empty where it gave no instance. */
  device: string;
}

/** A call with what only the proxy needs of it. */
export interface ServedCall extends Call {
  readonly transaction: ServerTransaction;
  /** Our own Route values that were taken off: first the sender's side, last the way on. */
  readonly hops: readonly Hop[];
  fail(refused: Refused): void;
}

export interface CallParts {
  request: SipRequest;
  transaction: ServerTransaction;
  identity: string;
  hops: readonly Hop[];
  traceparent(): string;
}

export function createCalls(refusals: Refusals, telemetry: Telemetry): (parts: CallParts) => ServedCall {
  return (parts) => new TransactionCall(parts, refusals, telemetry);
}

class TransactionCall implements ServedCall {
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly identity: string;
  readonly transaction: ServerTransaction;
  readonly hops: readonly Hop[];
  readonly #traceparent: () => string;
  readonly #refusals: Refusals;
  readonly #telemetry: Telemetry;
  #trace: string | undefined;

  constructor(parts: CallParts, refusals: Refusals, telemetry: Telemetry) {
    this.request = parts.request;
    this.flow = parts.transaction.flow;
    this.identity = parts.identity;
    this.transaction = parts.transaction;
    this.hops = parts.hops;
    this.#traceparent = parts.traceparent;
    this.#refusals = refusals;
    this.#telemetry = telemetry;
  }

  get traceparent(): string {
    this.#trace ??= this.#traceparent();
    return this.#trace;
  }

  reply(status: number, reason?: string, options: ReplyOptions = {}): void {
    if (this.transaction.finished) return;
    const response = SipResponse.to(this.request, status, reason, options);
    withTraceparent(this.traceparent, () => this.transaction.respond(response));
    if (status >= 200) this.#telemetry.response(this.request.method, status);
  }

  refuse(status: number, reason: string, rule: string, options: Pick<ReplyOptions, 'headers'> = {}): void {
    this.fail(new Refused(status, reason, rule, options.headers));
  }

  fail(refused: Refused): void {
    if (this.transaction.finished) return;
    const why = this.#refusals(refused, this);
    this.reply(refused.status, refused.message, { headers: [...refused.headers, why] });
  }
}
