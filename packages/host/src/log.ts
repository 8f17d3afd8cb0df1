import { type Logger, pino } from 'pino';
import { redact } from './redact.ts';

export type { Logger } from 'pino';

export interface LogOptions {
  role: string;
  name: string;
  level?: string;
}

// A reader of stdout that hangs must cost log lines, not memory.
const MAX_PENDING_BYTES = 16 * 1024 * 1024;

/** JSON lines on stdout. `traceparent` and `callId` are ordinary fields; secrets are taken out by field name. */
export function createLog({ role, name, level = 'info' }: LogOptions): Logger {
  const stdout = pino.destination({ dest: 1, sync: false, maxLength: MAX_PENDING_BYTES });
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
