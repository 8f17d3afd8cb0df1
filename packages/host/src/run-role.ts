import type { z } from 'zod';
import type { HostConfig } from './config.ts';
import type { Host, Role } from './role.ts';
import type { StartedRole } from './start-role.ts';

export interface RoleMain<C extends HostConfig> {
  role: string;
  version: string;
  /** `hostConfig.extend({ … })` */
  schema: z.ZodType<C>;
  create(config: C, host: Host): Role | Promise<Role>;
}

/** The whole life of a role's process: `--config file.yaml` or LINCHPIN_CONFIG, signals, exit codes. */
export async function runRole<C extends HostConfig>(_main: RoleMain<C>): Promise<void> {
  throw new Error('not built yet');
}

export type { StartedRole };
