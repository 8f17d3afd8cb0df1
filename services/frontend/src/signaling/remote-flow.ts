import type { Address, Flow, TransportName } from '@linchpin/sip';

/** What the pod where a client's flow ends tells of it. */
export interface RemoteFacts {
  transport: TransportName;
  remote: Address;
  /** host:port by which the client reaches that pod. */
  sentBy: string;
}

export interface RemoteFlowOptions {
  id: string;
  /** `<pod>.<domain>`: by it the pod where the flow ends finds the way to this one for the client's responses. */
  host: string;
  facts: RemoteFacts;
  deliver(bytes: Uint8Array): boolean;
  hangUp(): void;
}

/**
 * A connection, or over UDP an address, of a client that is at another pod: an Edge, or a Front End. What is sent here travels on
 * this pod's stream to that one.
 */
export class RemoteFlow implements Flow {
  readonly id: string;
  readonly local: Address = { address: '', port: 0 };
  /** Incomplete where a restarted process knows no more than the id, until the next frame of the flow. */
  facts: RemoteFacts;
  /** Over UDP of the message that is being handled only: anyone can send from any address. */
  identity = '';
  /** How many Front Ends the message that is being handled has passed. */
  hops = 0;
  /** The pod that has brought it. */
  from = '';
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

  get reliable(): boolean {
    return this.facts.transport !== 'udp';
  }

  get remote(): Address {
    return this.facts.remote;
  }

  get sentBy(): string {
    return this.facts.sentBy;
  }

  /**
   * The pod there reads the name, nobody looks it up: a client answers over the connection, over UDP to where the request came from
   * (RFC 3581 4), or without rport to this port there (RFC 3261 18.2.2).
   */
  get via(): string {
    return `${this.#options.host}${/:\d+$/.exec(this.facts.sentBy)?.[0] ?? ''}`;
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

  /** The connection has ended, as its pod told. */
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

export const isRemote = (flow: Flow): flow is RemoteFlow => flow instanceof RemoteFlow;
