export type { Batch, Framed } from './batch.ts';
export { type BucketLimits, type Buckets, createBuckets } from './buckets.ts';
export { type AuthenticatedCall, callerRole, roleName } from './caller.ts';
export { type HostConfig, hostConfig, type PostgresConfig, type TlsFiles } from './config.ts';
export { createHealth, type Effect, type Health } from './health.ts';
export { EXIT, HostError } from './host-error.ts';
export { createHttpServer, type HttpServer } from './http.ts';
export { createLog, type Logger } from './log.ts';
export { createMetrics, METRIC_PREFIX, type Registry } from './metrics.ts';
export { createMtls, type Mtls } from './mtls.ts';
export { createNatsLink, type NatsLink, type NatsLinkOptions } from './nats-link.ts';
export {
  createPeerLink,
  type PeerDown,
  type PeerLink,
  type PeerLinkOptions,
} from './peer-link.ts';
export { createPeerServer, type Peer, type PeerServer, type PeerServerOptions } from './peer-server.ts';
export type { Endpoint, Host, Role } from './role.ts';
export { createRpcClient, type RpcClientConstructor } from './rpc-client.ts';
export type { RpcAccess } from './rpc-guard.ts';
export { createRpcServer, type RpcServer } from './rpc-server.ts';
export { type RoleMain, runRole } from './run-role.ts';
export { type StartedRole, type StartRole, startRole } from './start-role.ts';
export { newTraceparent, parseTraceparent, type TraceContext } from './trace.ts';
