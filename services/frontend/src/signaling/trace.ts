/**
 * The W3C trace context of the message that is being handled. It is set for the synchronous part only: that is where
 * the copies of a request leave, and it costs nothing on a path that every message takes.
 */
let current = '';

export const currentTraceparent = (): string => current;

export function withTraceparent<T>(traceparent: string, run: () => T): T {
  const before = current;
  current = traceparent;
  try {
    return run();
  } finally {
    current = before;
  }
}
