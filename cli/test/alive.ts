import { readFileSync } from 'node:fs';

/** A zombie is over; when its new parent looks at it is nothing to wait for. */
export function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
