import { Server, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { createGrpcHealth, healthDefinition } from './grpc-health.ts';
import type { Health } from './health.ts';
import { keepalive } from './keepalive.ts';
import type { Logger } from './log.ts';
import type { Mtls } from './mtls.ts';
import { guard, type RpcAccess } from './rpc-guard.ts';

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
  /** A silent caller is asked after this time, 2000, and given up when it does not answer. */
  keepaliveMs?: number;
}

const STOP_GRACE_MS = 1_000;

const MAX_STREAMS = 1_000;

/** Only callers with a certificate of the private CA get in; `grpc.health.v1` is served to all of them. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { address, mtls, log } = options;
  const server = new Server({
    ...keepalive(options.keepaliveMs),
    'grpc.max_concurrent_streams': MAX_STREAMS,
  });
  const health = createGrpcHealth(options.health);
  server.addService(healthDefinition, health.implementation);
  let port = 0;
  return {
    address,
    get port() {
      return port;
    },
    addService(definition, implementation, access) {
      server.addService(definition, guard(definition, implementation, access, log));
    },
    async listen() {
      port = await bind(server, address, options.port, mtls);
    },
    async stop(graceMs = STOP_GRACE_MS) {
      health.close();
      await shutdown(server, graceMs);
    },
  };
}

const bind = (server: Server, address: string, port: number, mtls: Mtls): Promise<number> =>
  new Promise((resolve, reject) => {
    const host = address.includes(':') ? `[${address}]` : address;
    server.bindAsync(`${host}:${port}`, mtls.server(), (error, bound) =>
      error ? reject(withCode(error, port)) : resolve(bound),
    );
  });

// grpc-js tells the cause only in words; whoever reports it needs what `net` gives: code and port.
function withCode(error: Error, port: number): Error {
  const code = /\b(EADDRINUSE|EACCES)\b/.exec(error.message)?.[1];
  return code ? Object.assign(error, { code, port }) : error;
}

const shutdown = (server: Server, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
