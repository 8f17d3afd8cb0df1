export { type Authority, createAuthority, type Identity } from './authority.ts';
export { BackendError } from './error.ts';
export { type NatsOptions, type NatsServer, startNats } from './nats.ts';
export { findNatsServer } from './nats-binary.ts';
export { type ClientPermissions, type NatsPermissions, natsPermissions } from './nats-permissions.ts';
export { freePort, portBusy } from './ports.ts';
export { type PostgresOptions, type PostgresServer, startPostgres } from './postgres.ts';
export { type Exit, endProcess, type GuardedChild, spawnGuarded } from './process.ts';
