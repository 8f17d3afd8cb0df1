import { setTimeout as wait } from 'node:timers/promises';
import { CliError } from '../cli-error.ts';
import type { Home } from '../installation/home.ts';
import { isLocked } from '../installation/lock.ts';
import { readRunState } from '../installation/run-state.ts';
import { requireSettings } from '../installation/settings.ts';

/** Roles get time to finish what is under way; after this much the administrator should know. */
const DEADLINE_MS = 60_000;
const SAY_EVERY_MS = 5_000;

/** Ends the supervisor that runs in this folder and waits until it is gone; that none runs is fine. */
export async function stop(home: Home, say: (line: string) => void): Promise<void> {
  await requireSettings(home);
  if (!isLocked(home)) return say(`nothing runs in ${home.dir}`);
  const pid = (await readRunState(home))?.pid;
  if (pid === undefined)
    throw new CliError(`The supervisor of ${home.dir} has only just started; try again.`);
  process.kill(pid, 'SIGTERM');
  await untilUnlocked(home, pid, say);
  say(`stopped the installation in ${home.dir}`);
}

async function untilUnlocked(home: Home, pid: number, say: (line: string) => void): Promise<void> {
  const began = Date.now();
  let said = began;
  while (isLocked(home)) {
    const now = Date.now();
    if (now - began > DEADLINE_MS)
      throw new CliError(`The supervisor (pid ${pid}) has not ended within a minute.`);
    if (now - said > SAY_EVERY_MS) {
      say(`still stopping after ${Math.round((now - began) / 1000)} s`);
      said = now;
    }
    await wait(50);
  }
}
