import { existsSync } from 'node:fs';
import { whenNpmEnds } from '@linchpin/backends';
import type { Home } from '../installation/home.ts';
import { endpointsOf, hostPort, type Layout } from '../installation/layout.ts';
import { lockHome } from '../installation/lock.ts';
import { RunRecord, readRunState } from '../installation/run-state.ts';
import { chooseSettings, requireOwnFolder, type SettingsOptions } from '../installation/settings.ts';
import { type Prepared, prepare, provision, supervise } from '../standard-edition/installation.ts';
import { writeSampleClients } from '../standard-edition/sample-clients.ts';
import { signInHelp } from '../standard-edition/sign-in-help.ts';
import { type Console, createConsole } from '../supervisor/console.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';

export interface StartOptions {
  home: Home;
  settings: SettingsOptions;
}

/** Runs the installation until a signal ends it. */
export async function start({ home, settings: options }: StartOptions): Promise<void> {
  // Where there is a lock, somebody may hold it: that is said first, and taking it makes nothing new.
  if (!existsSync(home.lock)) await requireOwnFolder(home);
  const lock = await lockHome(home);
  const settings = await chooseSettings(home, options);
  const console = createConsole(process.stdout, home.logs);
  const endedBadly = (await readRunState(home)) !== undefined;
  const record = new RunRecord(home);
  try {
    console.say(`starting the installation of ${settings.domain} in ${home.dir}`);
    await run(await prepare(home, settings, console, endedBadly), record, console);
    console.say('stopped');
  } finally {
    await record.remove();
    await console.close();
    lock.release();
  }
}

async function run(prepared: Prepared, record: RunRecord, console: Console): Promise<void> {
  const supervisor = supervise({ ...prepared, console, onPids: (pids) => record.update({ pids }) });
  const signal = firstSignal();
  try {
    await Promise.race([
      signal,
      serve(supervisor, prepared, console).then(() => record.update({ state: 'ready' })),
    ]);
    console.say(`stopping (${await signal})`);
  } finally {
    record.update({ state: 'stopping' });
    await supervisor.stop();
  }
}

async function serve(supervisor: Supervisor, prepared: Prepared, console: Console): Promise<void> {
  const provisioned = supervisor.ready('cms').then(() => provision(prepared, console));
  const [sampleUsers] = await Promise.all([provisioned, supervisor.start()]);
  const seconds = process.uptime().toFixed(1);
  console.say(`ready in ${seconds} s: ${endpointList(prepared.layout)}`);
  if (sampleUsers.length === 0) return;
  const clients = await writeSampleClients(prepared, sampleUsers);
  console.show(signInHelp(prepared, sampleUsers, clients));
}

const endpointList = (layout: Layout): string =>
  endpointsOf(layout)
    .filter(({ name }) => /^(sip|access|chat)-/.test(name))
    .map((endpoint) => `${endpoint.name} ${hostPort(endpoint)}`)
    .join(', ');

/** The first signal asks for a clean stop. The second ends us, and the kernel ends what we started. */
function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    whenNpmEnds(() => resolve('SIGTERM'));
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        if (asked) process.exit(130);
        asked = true;
        resolve(name);
      });
    }
  });
}
