import type { Address, Flow, TransportName } from '@linchpin/sip';

const nowhere: Address = { address: '', port: 0 };

export interface StreamFlowOptions {
  id: string;
  /** Who speaks on it, `sip:alice@contoso.lab` or a room. */
  identity: string;
  /** W3C trace context of the message that came on it. */
  traceparent?: string;
  /** This pod, for Via. */
  sentBy: string;
  send(bytes: Uint8Array): boolean;
}

/** A way by a stream between pods: of one request that a Front End has brought, or of what one room says. It outlives the stream. */
export class StreamFlow implements Flow {
  readonly id: string;
  readonly transport: TransportName = 'tls';
  readonly reliable = true;
  readonly remote = nowhere;
  readonly local = nowhere;
  readonly sentBy: string;
  readonly closed = false;
  readonly traceparent: string;
  identity: string;
  readonly #send: (bytes: Uint8Array) => boolean;

  constructor({ id, identity, traceparent = '', sentBy, send }: StreamFlowOptions) {
    this.id = id;
    this.identity = identity;
    this.traceparent = traceparent;
    this.sentBy = sentBy;
    this.#send = send;
  }

  send(bytes: Uint8Array): boolean {
    return this.#send(bytes);
  }

  close(): void {}

  onClose(): () => void {
    return () => {};
  }
}
