import type { HostConfig } from './config.ts';
import type { Logger } from './log.ts';
import type { Endpoint, Host, Role } from './role.ts';

export interface StartRole<C extends HostConfig> {
  role: string;
  version: string;
  config: C;
  create(config: C, host: Host): Role | Promise<Role>;
  /** Tests give a silent one. */
  log?: Logger;
}

/** A role that runs in this process: `runRole` without command line, signals and exit codes; tests use it. */
export interface StartedRole {
  readonly host: Host;
  readonly role: Role;
  /** With real ports. */
  readonly rpc: Endpoint;
  readonly http: Endpoint;
  /** Readiness off, then the role's own drain, at most `drainSeconds`. */
  drain(): Promise<void>;
  stop(): Promise<void>;
  /** Certificates. */
  reload(): Promise<void>;
}

export async function startRole<C extends HostConfig>(_options: StartRole<C>): Promise<StartedRole> {
  throw new Error('not built yet');
}
