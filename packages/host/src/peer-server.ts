import type { handleBidiStreamingCall } from '@grpc/grpc-js';
import type { Logger } from './log.ts';
import type { Batch } from './peer-link.ts';

/** One pod that has opened its stream to us. */
export interface Peer<F> {
  readonly pod: string;
  /** Proven by its certificate. */
  readonly role: string;
  readonly up: boolean;
  send(frame: F): boolean;
  close(): void;
}

export interface PeerServerOptions<F> {
  onFrame(frame: F, peer: Peer<F>): void;
  onPeer?(peer: Peer<F>): void;
  onPeerGone?(peer: Peer<F>, down: { reason: string; dropped: number }): void;
  /** This end's pod name, told to the peer. */
  pod?: string;
  log: Logger;
  queueLimit?: number;
}

export interface PeerServer<F> {
  /** The implementation of the bidirectional RPC. */
  readonly handler: handleBidiStreamingCall<Batch<F>, Batch<F>>;
  readonly peers: ReadonlyMap<string, Peer<F>>;
  send(pod: string, frame: F): boolean;
  close(): void;
}

export function createPeerServer<F>(_options: PeerServerOptions<F>): PeerServer<F> {
  throw new Error('not built yet');
}
