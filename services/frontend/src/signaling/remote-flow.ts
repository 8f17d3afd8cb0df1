import type { Address, Flow, TransportName } from '@linchpin/sip';

/** What Edge tells of a client's connection. */
export interface RemoteFacts {
  transport: TransportName;
  remote: Address;
  /** host:port by which the client reaches its Edge. */
  advertised: string;
}

export interface RemoteFlowOptions {
  id: string;
  /** `<pod>.<domain>`: by it Edge finds the stream to this pod for the client's responses. */
  host: string;
  facts: RemoteFacts;
  deliver(bytes: Uint8Array): boolean;
  hangUp(): void;
}

/** The connection of a client that is at an Edge: what is sent here travels on this pod's stream to that Edge. */
export class RemoteFlow implements Flow {
  readonly id: string;
  readonly reliable = true;
  readonly local: Address = { address: '', port: 0 };
  /** Incomplete where a restarted process knows no more than the id, until the next frame of the flow. */
  facts: RemoteFacts;
  identity = '';
  /** Milliseconds since the epoch. */
  lastUsed = Date.now();
  #closed: string | undefined;
  readonly #listeners = new Set<(reason: string) => void>();
  readonly #options: RemoteFlowOptions;

  constructor(options: RemoteFlowOptions) {
    this.id = options.id;
    this.facts = options.facts;
    this.#options = options;
  }

  get transport(): TransportName {
    return this.facts.transport;
  }

  get remote(): Address {
    return this.facts.remote;
  }

  get advertised(): string {
    return this.facts.advertised;
  }

  /** Edge reads the pod's name, nobody looks it up; the port is the one that the client's connection goes to. */
  get sentBy(): string {
    return `${this.#options.host}${/:\d+$/.exec(this.facts.advertised)?.[0] ?? ''}`;
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
