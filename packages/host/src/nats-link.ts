import type { NatsConnection } from '@nats-io/transport-node';
import type { TlsFiles } from './config.ts';
import type { Logger } from './log.ts';

export interface NatsLinkOptions {
  servers: string[];
  /** Paths, read again for each connection, so that renewed certificates need no restart. */
  tls?: TlsFiles;
  /** Shown in the server's list of connections. */
  name?: string;
  log: Logger;
}

/** A connection to NATS that comes back for as long as the process lives. */
export interface NatsLink {
  /** Resolves with the connection once there is one; do not keep it, ask again after `onConnected`. */
  connection(): Promise<NatsConnection>;
  readonly connected: boolean;
  /** Called at once where connected already, then after each reconnection. Returns the way to stop. */
  onConnected(listener: (connection: NatsConnection) => void): () => void;
  onDisconnected(listener: () => void): () => void;
  close(): Promise<void>;
}

export function createNatsLink(_options: NatsLinkOptions): NatsLink {
  throw new Error('not built yet');
}
