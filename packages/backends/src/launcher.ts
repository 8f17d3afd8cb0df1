import { readFileSync } from 'node:fs';

const LOOK_MS = 500;

/** Field 4 of /proc/<pid>/stat (proc_pid_stat(5)); the command's name before it may hold anything. 0 when it is gone. */
function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

/**
 * Calls `stop` once when the npm that started this process has ended: npm passes a signal on to its shell only, which dies
 * and leaves us behind. Started in any other way, this process lives on without its parent, as a daemon may.
 */
export function whenNpmEnds(stop: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const shell = process.ppid;
  const npm = parentOf(shell);
  const timer = setInterval(() => {
    if (process.ppid === shell && parentOf(shell) === npm) return;
    clearInterval(timer);
    stop();
  }, LOOK_MS);
  timer.unref();
}
