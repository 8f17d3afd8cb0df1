import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface GuardedChild {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves when the process has ended and its output is read, however that came about. */
  readonly exited: Promise<Exit>;
}

export interface GuardOptions extends Omit<SpawnOptions, 'detached'> {
  /** The signal that the kernel sends when this process dies, even by SIGKILL. */
  deathSignal?: 'SIGTERM' | 'SIGINT' | 'SIGKILL';
}

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

/**
 * Starts a process that does not outlive this one. It gets a session of its own, so that Ctrl-C in a terminal reaches
 * only us and we decide the order of stopping; prctl(PR_SET_PDEATHSIG), set by setpriv(1), covers our own kill -9.
 * setpriv execs the command: the pid is the command's. Without util-linux only the part that Ctrl-C needs is left.
 */
export async function spawnGuarded(
  command: string,
  args: string[],
  { deathSignal = 'SIGTERM', ...options }: GuardOptions = {},
): Promise<GuardedChild> {
  const [file, argv] = guarded(command, args, deathSignal);
  const child = spawn(file, argv, { ...options, detached: true });
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).on('error', reject));
  return { child, pid: child.pid as number, exited };
}

function guarded(command: string, args: string[], signal: string): [string, string[]] {
  if (SETPRIV === undefined) return [command, args];
  return [SETPRIV, ['--pdeathsig', signal.slice(3), '--', command, ...args]];
}

/** Asks with `signal`, insists with SIGKILL after `deadline` ms; resolves when the process is gone. */
export async function endProcess(
  target: GuardedChild,
  signal: NodeJS.Signals,
  deadline: number,
): Promise<Exit> {
  const waiting = new AbortController();
  target.child.kill(signal);
  const insist = wait(deadline, undefined, { signal: waiting.signal }).then(
    () => target.child.kill('SIGKILL'),
    () => {},
  );
  const exit = await target.exited;
  waiting.abort();
  await insist;
  return exit;
}
