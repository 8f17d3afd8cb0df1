import type { Address, Flow, TransportName } from '@linchpin/sip';

export interface RemoteFlowOptions {
  id: string;
  transport: TransportName;
  remote: Address;
  /** `<pod>.<domain>`: by it Edge finds the stream to this pod for the client's responses. */
  sentBy: string;
  /** host:port by which the client reaches its Edge. */
  advertised: string;
  deliver(bytes: Uint8Array): boolean;
  hangUp(): void;
}

/** The connection of a client that is at an Edge: what is sent here travels on this pod's stream to that Edge. */
export class RemoteFlow implements Flow {
  readonly id: string;
  readonly transport: TransportName;
  readonly reliable = true;
  readonly local: Address = { address: '', port: 0 };
  readonly remote: Address;
  readonly sentBy: string;
  advertised: string;
  identity = '';
  /** Milliseconds since the epoch. */
  lastUsed = Date.now();
  #closed: string | undefined;
  readonly #listeners = new Set<(reason: string) => void>();
  readonly #options: RemoteFlowOptions;

  constructor(options: RemoteFlowOptions) {
    this.id = options.id;
    this.transport = options.transport;
    this.remote = options.remote;
    this.sentBy = options.sentBy;
    this.advertised = options.advertised;
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  send(bytes: Uint8Array): boolean {
    if (this.closed) return false;
    this.lastUsed = Date.now();
    return this.#options.deliver(bytes);
  }

  close(reason: string): void {
    if (this.closed) return;
    this.#options.hangUp();
    this.ended(reason);
  }

  /** The connection has ended, as its Edge told. */
  ended(reason: string): void {
    if (this.closed) return;
    this.#closed = reason;
    for (const listener of this.#listeners) listener(reason);
    this.#listeners.clear();
  }

  onClose(listener: (reason: string) => void): () => void {
    if (this.#closed !== undefined) listener(this.#closed);
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
