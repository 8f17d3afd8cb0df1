import type { ChannelCredentials, Client, ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import type { Logger } from './log.ts';
import type { RpcClientConstructor } from './rpc-client.ts';

/** What travels: the generated message of a `stream Batch` RPC. */
export interface Batch<F> {
  frames: F[];
}

export interface PeerDown {
  reason: string;
  /** Frames that `send` took and that surely did not leave. */
  dropped: number;
}

export interface PeerLinkOptions<F, C extends Client> {
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
  /** A silent peer is given up after twice this time, 2000. */
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

export function createPeerLink<F, C extends Client>(_options: PeerLinkOptions<F, C>): PeerLink<F> {
  throw new Error('not built yet');
}
