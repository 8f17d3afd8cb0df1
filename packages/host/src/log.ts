import { type Logger, pino } from 'pino';
import { redact } from './redact.ts';

export type { Logger } from 'pino';

export interface LogOptions {
  role: string;
  name: string;
  level?: string;
}

/** JSON lines on stdout. `traceparent` and `callId` are ordinary fields; secrets are taken out by field name. */
export function createLog({ role, name, level = 'info' }: LogOptions): Logger {
  // Not asynchronous: at exit the last lines would come out of order, or not at all.
  const stdout = pino.destination({ dest: 1, sync: true });
  return pino(
    {
      level,
      base: { role, pod: name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redact },
    },
    stdout,
  );
}
