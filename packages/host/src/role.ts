import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import type { Draining } from './drain/drain.ts';
import type { Health } from './health.ts';
import type { Logger } from './log.ts';
import type { Mtls } from './mtls.ts';
import type { NatsLink } from './nats-link.ts';
import type { RpcServer } from './rpc-server.ts';

/** Where a role can be reached; shown by `/status`. `port` is the real one, also where 0 was configured. */
export interface Endpoint {
  name: string;
  protocol: 'udp' | 'tcp' | 'tls' | 'wss' | 'grpc' | 'http';
  address: string;
  port: number;
}

/** What a server role gives to the process that runs it. */
export interface Role {
  /** Resolves when the role can serve; the RPC port opens after that. Must not wait for a neighbour. */
  start(): Promise<void>;
  /** The RPC port is open, others may be told of it. */
  serving?(rpc: Endpoint): void;
  /** Take nothing new, let what is under way end. Bounded by `drainSeconds`; called once. */
  drain(draining: Draining): Promise<void>;
  /** Close everything; also called without `drain` and after a failed `start`. */
  stop(): Promise<void>;
  /** The role's own listeners; the host adds `rpc` and `http`. */
  endpoints(): Endpoint[];
  /** The version of the configuration that the role runs, 0 before there is one. */
  configVersion(): number;
  /** What `/status` shows of the role besides. */
  describe?(): Record<string, unknown>;
  /** SIGHUP, after the host's own certificates were read again. */
  reload?(): Promise<void>;
}

/** What the process gives to the role it runs. */
export interface Host {
  readonly name: string;
  readonly role: string;
  readonly version: string;
  readonly dataDir: string;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly health: Health;
  readonly mtls: Mtls;
  readonly rpc: RpcServer;
  /** Throws when the configuration has no `nats`. */
  nats(): NatsLink;
  readonly postgres?: Pool;
}
