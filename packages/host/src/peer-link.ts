import type { ChannelCredentials, Client, ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import { createBackoff } from './backoff.ts';
import type { Batch, Framed } from './batch.ts';
import type { Logger } from './log.ts';
import { openPeerStream, type PeerStream } from './peer-stream.ts';
import type { RpcClientConstructor } from './rpc-client.ts';

export interface PeerDown {
  reason: string;
  /** Frames that `send` took and that surely did not leave. */
  dropped: number;
}

export interface PeerLinkOptions<F extends Framed, C extends Client> {
  /** host:port of the peer's RPC server. */
  address: string;
  /** The role that the peer's certificate has to show. */
  role: string;
  credentials: ChannelCredentials;
  /** The name under which the peer knows this end. */
  pod: string;
  client: RpcClientConstructor<C>;
  /** Opens the stream: `(client, metadata) => client.connect(metadata)`. */
  connect(client: C, metadata: Metadata): ClientDuplexStream<Batch<F>, Batch<F>>;
  onFrame(frame: F): void;
  onUp?(): void;
  onDown?(down: PeerDown): void;
  log: Logger;
  /** Frames held while the peer does not read, 8192. */
  queueLimit?: number;
  /** A silent peer is asked after this time, 2000, and given up when it does not answer. */
  keepaliveMs?: number;
}

/** A stream to one peer that is opened again for as long as the link is not closed. */
export interface PeerLink<F> {
  readonly address: string;
  readonly up: boolean;
  /** false: not taken, because the link is down or its queue is full. Frames arrive in order or are dropped. */
  send(frame: F): boolean;
  close(): void;
}

// A stream that held this long was a good one: the next attempt comes at once.
const STABLE_MS = 1_000;

export function createPeerLink<F extends Framed, C extends Client>(
  options: PeerLinkOptions<F, C>,
): PeerLink<F> {
  return new Link(options);
}

class Link<F extends Framed, C extends Client> implements PeerLink<F> {
  readonly #options: PeerLinkOptions<F, C>;
  readonly #log: Logger;
  readonly #backoff = createBackoff();
  #stream: PeerStream<F>;
  #retry: NodeJS.Timeout | undefined;
  #upAt: number | undefined;
  #closed = false;

  constructor(options: PeerLinkOptions<F, C>) {
    this.#options = options;
    this.#log = options.log.child({ peer: options.address, peerRole: options.role });
    this.#stream = this.#open();
  }

  get address(): string {
    return this.#options.address;
  }

  get up(): boolean {
    return this.#upAt !== undefined;
  }

  send(frame: F): boolean {
    return this.up && this.#stream.send(frame);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#stream.close();
  }

  #open(): PeerStream<F> {
    return openPeerStream(this.#options, {
      log: this.#log,
      onUp: () => this.#up(),
      onLost: (down) => this.#lost(down),
    });
  }

  #up(): void {
    this.#upAt = Date.now();
    this.#log.info('peer link up');
    this.#options.onUp?.();
  }

  #lost(down: PeerDown): void {
    const upAt = this.#upAt;
    this.#upAt = undefined;
    if (upAt !== undefined && Date.now() - upAt >= STABLE_MS) this.#backoff.reset();
    if (!this.#closed) this.#retry = setTimeout(() => this.#reopen(), this.#backoff.next());
    this.#log[upAt === undefined || this.#closed ? 'debug' : 'warn'](down, 'peer link down');
    if (upAt !== undefined) this.#options.onDown?.(down);
  }

  #reopen(): void {
    this.#stream = this.#open();
  }
}
