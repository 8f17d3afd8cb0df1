export interface Deadlines {
  /** Milliseconds since the epoch; takes the place of an earlier one. */
  set(key: string, at: number): void;
  delete(key: string): void;
  stop(): void;
}

const SECOND = 1000;

/**
 * Calls `onDue` at most a second after the time set for a key has come, never before. One timer turns over seconds: hundreds of
 * thousands of expiries cost a set entry each.
 */
export function createDeadlines(now: () => number, onDue: (key: string) => void): Deadlines {
  const times = new Map<string, number>();
  const buckets = new Map<number, Set<string>>();
  let passed = Math.floor(now() / SECOND);
  const timer = setInterval(turn, SECOND);
  timer.unref();

  function turn(): void {
    const current = Math.floor(now() / SECOND);
    while (passed < current) fire(++passed);
  }

  function fire(second: number): void {
    const due = buckets.get(second) ?? [];
    buckets.delete(second);
    for (const key of due) {
      times.delete(key);
      onDue(key);
    }
  }

  function remove(key: string): void {
    const second = times.get(key);
    if (second === undefined) return;
    times.delete(key);
    const bucket = buckets.get(second);
    bucket?.delete(key);
    if (bucket?.size === 0) buckets.delete(second);
  }

  return {
    set(key, at) {
      remove(key);
      const second = Math.max(Math.ceil(at / SECOND), passed + 1);
      times.set(key, second);
      const bucket = buckets.get(second);
      if (bucket) bucket.add(key);
      else buckets.set(second, new Set([key]));
    },
    delete: remove,
    stop: () => clearInterval(timer),
  };
}
