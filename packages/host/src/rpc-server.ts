import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Health } from './health.ts';
import type { Logger } from './log.ts';
import type { Mtls } from './mtls.ts';

export interface RpcAccess {
  /** Roles whose certificate may call the service, for example ['edge', 'admin']. */
  allow: readonly string[];
}

export interface RpcServer {
  readonly address: string;
  /** The real port, 0 before `listen`. */
  readonly port: number;
  addService(
    definition: ServiceDefinition,
    implementation: UntypedServiceImplementation,
    access: RpcAccess,
  ): void;
  listen(): Promise<void>;
  /** Lets calls end for `graceMs`, then cuts them. */
  stop(graceMs?: number): Promise<void>;
}

export interface RpcServerOptions {
  address: string;
  port: number;
  mtls: Mtls;
  health: Health;
  log: Logger;
}

export function createRpcServer(_options: RpcServerOptions): RpcServer {
  throw new Error('not built yet');
}
