import type { Flow, SipRequest } from '@linchpin/sip';

export interface ReplyOptions {
  headers?: [name: string, value: string][];
  body?: Uint8Array;
  /** The To tag; without it a new one for each final answer. Give it where the answer makes a dialog. */
  toTag?: string;
}

/** One request that passed the checks and the authentication, on its way through a handler. */
export interface Call {
  readonly request: SipRequest;
  readonly flow: Flow;
  /** The address of record that the sender proved to be, for example `sip:alice@contoso.lab`. */
  readonly identity: string;
  /** W3C trace context of this request, for log lines and for what is sent on its behalf. */
  readonly traceparent: string;
  /** Answers through the server transaction. Only the first final answer is sent. */
  reply(status: number, reason?: string, options?: ReplyOptions): void;
  /** Answers with ms-diagnostics and logs `rule`, the one that refused, under the same id. */
  refuse(status: number, reason: string, rule: string, options?: Pick<ReplyOptions, 'headers'>): void;
}
