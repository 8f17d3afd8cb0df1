// A pod's own copy of the configuration: read from disk at start, kept current from NATS.
import type { NatsConnection } from '@nats-io/transport-node';
import type { Document, DocumentChange, Kind } from './document.ts';

/** What a replica needs of the link to NATS (`@linchpin/host` makes it): it may be away for any time. */
export interface NatsLink {
  readonly connected: boolean;
  connection(): Promise<NatsConnection>;
  /** Called at each connect and reconnect. */
  onConnected(listener: () => void): unknown;
}

/** A pino logger, or what looks like one. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ReplicaOptions {
  /** The folder of the disk copy. */
  dir: string;
  /** `directory` (users and credentials) only for roles that authenticate or serve users. */
  buckets: ('config' | 'directory')[];
  nats: NatsLink;
  pod: string;
  role: string;
  productVersion: string;
  log: Log;
}

export type ChangeListener = (changes: readonly DocumentChange[], version: number) => void;

export interface Replica {
  /** Reads the disk copy; without one the replica is empty, at version 0. Rejects when the copy is of a newer format. */
  load(): Promise<void>;
  /** Follows NATS from when it comes until `stop`. Never throws. */
  follow(): void;
  /** 0 until a version has been read or has arrived. */
  readonly version: number;
  get<K extends Kind>(kind: K, name: string): Document<K> | undefined;
  list<K extends Kind>(kind: K): Iterable<Document<K>>;
  /** The listener runs after each version has been applied as a whole; returns the function that ends it. */
  onChange(listener: ChangeListener): () => void;
  /** Resolves when the version that is applied is on disk. */
  stop(): Promise<void>;
}

export function createReplica(_options: ReplicaOptions): Replica {
  throw new Error('not written yet');
}
