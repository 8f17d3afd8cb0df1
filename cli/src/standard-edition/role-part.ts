import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { endProcess, spawnGuarded } from '@linchpin/backends';
import { type Home, REPOSITORY } from '../installation/home.ts';
import type { RoleLayout, RoleName } from '../installation/layout.ts';
import { askRole } from '../installation/role-status.ts';
import type { Console } from '../supervisor/console.ts';
import type { Part, Running } from '../supervisor/part.ts';

export interface RoleOptions {
  home: Home;
  role: RoleLayout;
  console: Console;
  /** The role's main file. */
  program?: string;
}

/** A bit more than a role takes at most: its `drainSeconds`, then 10 s to close. */
const STOP_DEADLINE_MS = 20_000;
/** A role that refuses its configuration. */
const EXIT_CONFIG = 2;

/** Traffic flows Edge, Director, Front End, Persistent Chat: stopping in this order lets what is under way reach its end. */
const STOPS_AFTER: Record<RoleName, RoleName[]> = {
  edge: [],
  director: ['edge'],
  frontend: ['director'],
  'persistent-chat': ['frontend'],
  cms: ['frontend', 'persistent-chat'],
};

export function rolePart(options: RoleOptions): Part {
  const { role, console } = options;
  const log = console.channel(role.role);
  return {
    name: role.role,
    startsAfter: HAS_TABLES.has(role.role) ? ['nats', 'postgres'] : ['nats'],
    stopsAfter: STOPS_AFTER[role.role],
    fatalExits: [EXIT_CONFIG],
    start: () => startRole(options, log),
    lacks: () => lacks(role),
  };
}

const HAS_TABLES: ReadonlySet<RoleName> = new Set(['cms', 'frontend', 'persistent-chat']);

const programOf = (role: RoleName): string => join(REPOSITORY, 'services', role, 'src', 'main.ts');

async function lacks(role: RoleLayout): Promise<string | undefined> {
  const health = (await askRole(role))?.health ?? 'no answer';
  return health === 'ready' ? undefined : health;
}

async function startRole(
  { home, role, program = programOf(role.role) }: RoleOptions,
  log: (line: string) => void,
): Promise<Running> {
  const args = [program, '--config', join(home.roleDir(role.role), 'config.yaml')];
  // The role ends when its stdin does. A role that hangs cannot notice: the kernel ends that one.
  const running = await spawnGuarded(process.execPath, args, {
    cwd: home.roleDir(role.role),
    env: { ...process.env, LINCHPIN_SUPERVISED: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
    deathSignal: 'SIGKILL',
  });
  for (const stream of [running.child.stdout, running.child.stderr]) {
    createInterface({ input: stream as NodeJS.ReadableStream }).on('line', log);
  }
  return {
    pid: running.pid,
    exited: running.exited,
    stop: async () => void (await endProcess(running, 'SIGTERM', STOP_DEADLINE_MS)),
  };
}
