export interface BackOff {
  /** The delay before the next start, in ms, for a process that ran for `lifetime` ms. */
  next(lifetime: number): number;
}

const FIRST_MS = 100;
const LAST_MS = 5_000;
/** Who ran for this long was healthy: the next failure is a new story. */
const HEALTHY_MS = 10_000;

export function createBackOff(): BackOff {
  let delay = FIRST_MS;
  return {
    next(lifetime) {
      if (lifetime >= HEALTHY_MS) delay = FIRST_MS;
      const now = delay;
      delay = Math.min(delay * 2, LAST_MS);
      return now;
    },
  };
}
