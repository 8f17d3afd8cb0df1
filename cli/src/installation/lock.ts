import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { CliError, EXIT } from '../cli-error.ts';
import { makeFolders } from './files.ts';
import type { Home } from './home.ts';
import { readRunState } from './run-state.ts';

export interface Lock {
  release(): void;
}

/**
 * Node has no flock(2), but a lock belongs to the open file and not to a process: flock(1) locks the descriptor that it
 * inherits, and we keep it open. The kernel gives it back however we end.
 */
export async function lockHome(home: Home): Promise<Lock> {
  const descriptor = openLock(home);
  // A `status` that looks at this very moment holds the lock for milliseconds.
  if (tryLock(descriptor, ['--wait', '1'])) return { release: () => closeSync(descriptor) };
  closeSync(descriptor);
  const state = await readRunState(home);
  const who = state === undefined ? '' : ` (pid ${state.pid}, since ${state.startedAt})`;
  throw new CliError(
    `An installation already runs in ${home.dir}${who}. See it: linchpin status --home ${home.dir}; ` +
      'end it: linchpin stop; run another one: choose --home and --port-offset.',
    EXIT.alreadyRunning,
  );
}

function openLock(home: Home): number {
  try {
    makeFolders(home.run, 0o711);
    return openSync(home.lock, 'a', 0o600);
  } catch (cause) {
    throw new CliError(
      `Cannot write into the home folder ${home.dir}: ${(cause as Error).message}. Choose another one with --home.`,
      EXIT.failed,
      { cause },
    );
  }
}

/** Whether a supervisor runs in this folder. Throws CliError where it is another user's. */
export function isLocked(home: Home): boolean {
  if (!existsSync(home.lock)) return false;
  const descriptor = openToLook(home);
  try {
    return !tryLock(descriptor, ['--shared', '--nonblock']);
  } finally {
    closeSync(descriptor);
  }
}

function openToLook(home: Home): number {
  try {
    return openSync(home.lock, 'r');
  } catch (cause) {
    throw new CliError(
      `Cannot see whether an installation runs in ${home.dir}: ${(cause as Error).message}. Ask as the user who started it.`,
      EXIT.failed,
      { cause },
    );
  }
}

function tryLock(descriptor: number, mode: string[]): boolean {
  const { status, error } = spawnSync('flock', [...mode, '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
  });
  if (error !== undefined) throw new CliError(`flock(1) of util-linux is needed: ${error.message}`);
  return status === 0;
}
