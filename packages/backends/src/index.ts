export { type Authority, type AuthorityOptions, createAuthority, type Identity } from './authority.ts';
export { whenNpmEnds } from './launcher.ts';
export { type NatsServer, startNats } from './nats.ts';
export { freePort, portBusy } from './ports.ts';
export { type PostgresServer, startPostgres } from './postgres.ts';
export { endProcess, type GuardedChild, spawnGuarded } from './process.ts';
export { whyUnusable } from './root.ts';
