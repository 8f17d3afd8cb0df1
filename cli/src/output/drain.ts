import type { DrainReport } from '../commands/drain.ts';
import { harmless } from './harmless.ts';

/** "3 groups, 120 connections"; "nothing" where nothing is. */
export function remainingText(remaining: Record<string, number>): string {
  const parts = Object.entries(remaining).map(
    ([what, count]) => `${count} ${count === 1 ? what.replace(/s$/, '') : what}`,
  );
  return harmless(parts.join(', ')) || 'nothing';
}

/** One line that says how far it is. */
export function drainLine({ pod, state, remaining, elapsedSeconds, limitSeconds }: DrainReport): string {
  const seconds = Math.round(elapsedSeconds);
  if (state === 'done') return `${pod} is drained after ${seconds} s; its process ends`;
  if (state === 'forced')
    return `${pod} ends after ${seconds} s, its time is over; left: ${remainingText(remaining)}`;
  const left = Math.max(0, Math.ceil(limitSeconds - elapsedSeconds));
  return `${pod} drains: ${remainingText(remaining)} left, ${left} s at most`;
}

export interface Countdown {
  show(report: DrainReport): void;
  end(): void;
}

/** On a terminal one line that changes; elsewhere a line for each change of what is left. */
export function createCountdown(out: (text: string) => void, live: boolean): Countdown {
  let shown = '';
  return {
    show(report) {
      if (report.joined && shown === '') out(`${report.pod} drains already, since ${report.startedAt}\n`);
      const line = drainLine(report);
      const key = live ? line : `${report.state} ${remainingText(report.remaining)}`;
      if (key === shown) return;
      shown = key;
      out(live ? `\r\u001b[K${line}` : `${line}\n`);
    },
    end() {
      if (live && shown !== '') out('\n');
    },
  };
}
