import { ensureCertificates } from '../installation/certificates.ts';
import type { Home } from '../installation/home.ts';
import { type Layout, layoutOf } from '../installation/layout.ts';
import { requireFreePorts } from '../installation/ports.ts';
import { type Settings, writeSettings } from '../installation/settings.ts';
import { withCms } from '../management/cms.ts';
import { installationSite } from '../management/site.ts';
import type { Console } from '../supervisor/console.ts';
import { Supervisor } from '../supervisor/supervisor.ts';
import { natsPart, postgresPart } from './backends.ts';
import { ensurePostgresPassword } from './postgres-password.ts';
import { writeRoleConfigs } from './role-config.ts';
import { rolePart } from './role-part.ts';
import { createSampleUsers, type SampleUser } from './sample-users.ts';
import { publishTopology } from './topology.ts';

export interface Prepared {
  home: Home;
  settings: Settings;
  layout: Layout;
  postgresPassword: string;
}

/** After a supervisor was killed, what it ran may take a moment to go away. */
const AFTER_CRASH_MS = 5_000;

/** Brings the home folder into the state in which processes can start. */
export async function prepare(
  home: Home,
  settings: Settings,
  console: Console,
  endedBadly: boolean,
): Promise<Prepared> {
  const layout = layoutOf(settings);
  await requireFreePorts(layout, endedBadly ? AFTER_CRASH_MS : 0);
  await writeSettings(home, settings);
  const issued = await ensureCertificates(home, settings, console.say);
  if (issued.length > 0) console.say(`issued certificates: ${issued.join(', ')}`);
  await writeRoleConfigs({ home, layout, settings });
  return { home, settings, layout, postgresPassword: await ensurePostgresPassword(home) };
}

export interface SuperviseOptions extends Prepared {
  console: Console;
  onPids(pids: Record<string, number>): void;
}

export function supervise({ console, onPids, ...prepared }: SuperviseOptions): Supervisor {
  const backends = { ...prepared, console };
  const roles = prepared.layout.roles.map((role) => rolePart({ home: prepared.home, role, console }));
  return new Supervisor({
    parts: [postgresPart(backends), natsPart(backends), ...roles],
    say: console.say,
    onPids,
  });
}

/** Once CMS serves: tells it where the roles are, and creates the sample users of a new installation. */
export function provision({ home, settings, layout }: Prepared, console: Console): Promise<SampleUser[]> {
  return withCms(installationSite(home, settings), async (cms) => {
    if (await publishTopology(cms, layout, settings)) console.say('published the topology');
    const created = await createSampleUsers(cms, home, settings);
    if (created.length > 0)
      console.say(`created sample users: ${created.map(({ name }) => name).join(', ')}`);
    return created;
  });
}
