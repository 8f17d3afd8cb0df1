import type { Home } from '../installation/home.ts';
import { endpointsOf, layoutOf, type NamedEndpoint, type RoleLayout } from '../installation/layout.ts';
import { isLocked } from '../installation/lock.ts';
import { askRole } from '../installation/role-status.ts';
import { type RunState, readRunState } from '../installation/run-state.ts';
import { requireSettings } from '../installation/settings.ts';

export interface RoleReport {
  role: string;
  name: string;
  /** Null while the role's process does not run. */
  pid: number | null;
  version: string | null;
  configVersion: number | null;
  /** What the role says of itself; "stopped" and "no answer" are ours. */
  health: string;
}

export interface StatusReport {
  /** All roles run and say so, and the installation was brought up to the end. */
  ready: boolean;
  domain: string;
  home: string;
  /** What clients have to trust, PEM. */
  caFile: string;
  roles: RoleReport[];
  endpoints: NamedEndpoint[];
}

/** Answers at any time, within about a second, also while the installation starts or does not run. */
export async function status(home: Home): Promise<StatusReport> {
  const settings = await requireSettings(home);
  const layout = layoutOf(settings);
  const run = isLocked(home) ? await readRunState(home) : undefined;
  const roles = await Promise.all(layout.roles.map((role) => reportRole(role, run)));
  return {
    ready: run?.state === 'ready' && roles.every(({ health }) => health === 'ready'),
    domain: settings.domain,
    home: home.dir,
    caFile: home.caFile,
    roles,
    endpoints: endpointsOf(layout).map(({ role, name, protocol, address, port }) => ({
      role,
      name,
      protocol,
      address,
      port,
    })),
  };
}

/** No process runs, and none is about to. */
export const isStopped = ({ roles }: StatusReport): boolean =>
  roles.every(({ health }) => health === 'stopped');

function silent(run: RunState | undefined): string {
  if (run === undefined) return 'stopped';
  return run.state === 'starting' ? 'starting' : 'no answer';
}

async function reportRole(role: RoleLayout, run: RunState | undefined): Promise<RoleReport> {
  const pid = run?.pids[role.role] ?? null;
  const report = {
    role: role.role,
    name: role.name,
    pid,
    version: null,
    configVersion: null,
    health: silent(run),
  };
  const answer = pid === null ? undefined : await askRole(role);
  if (answer === undefined) return report;
  const { version, configVersion, health } = answer;
  return { ...report, version, configVersion, health };
}
