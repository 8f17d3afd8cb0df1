const FIRST_MS = 50;
const LAST_MS = 2_000;

export interface Backoff {
  /** Milliseconds to wait before the next attempt: doubles from 50 ms to 2 s, less up to half of it by chance. */
  next(): number;
  reset(): void;
}

export function createBackoff(): Backoff {
  let step = FIRST_MS;
  return {
    next() {
      const delay = step * (1 - Math.random() / 2);
      step = Math.min(step * 2, LAST_MS);
      return delay;
    },
    reset() {
      step = FIRST_MS;
    },
  };
}
