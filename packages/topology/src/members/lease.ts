export interface Lease {
  /** performance.now() until which it is held; 0 when it never was, or was given up. */
  readonly until: number;
  /** A heartbeat that was sent at `sentAt` is stored. */
  renew(sentAt: number): void;
  /** Lapses now and for good. */
  giveUp(): void;
  onChange(listener: (held: boolean) => void): () => void;
}

/** What an owner may act on: others declare it dead only after longer silence than `leaseMs`. */
export function createLease(leaseMs: number): Lease {
  const listeners = new Set<(held: boolean) => void>();
  let until = 0;
  let held = false;
  let timer: NodeJS.Timeout | undefined;

  function change(now: boolean): void {
    if (held === now) return;
    held = now;
    for (const listener of listeners) listener(held);
  }

  // A timer may ring late, and early by a fraction of a millisecond.
  function look(): void {
    const left = until - performance.now();
    if (left > 0) timer = setTimeout(look, Math.ceil(left));
    else change(false);
  }

  return {
    get until() {
      return until;
    },
    renew(sentAt) {
      // After a pause of the process an answer may be read before the timer that is late: it has lapsed all the same.
      if (until <= performance.now()) change(false);
      until = Math.max(until, sentAt + leaseMs);
      clearTimeout(timer);
      if (until > performance.now()) change(true);
      look();
    },
    giveUp() {
      until = 0;
      clearTimeout(timer);
      change(false);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
