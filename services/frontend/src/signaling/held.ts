/** Requests that wait for somebody to take them, in the order in which they came. */
export interface Held<T> {
  /** `bytes` is what it takes. False when there are too many, or they take too much. */
  add(waiting: T, bytes: number): boolean;
  /** Looks again at each: what `take` returns true for waits no longer. Throws as `take` does, and the rest waits on. */
  look(take: (waiting: T) => boolean): void;
  readonly size: number;
  stop(): void;
}

export interface HeldOptions<T> {
  milliseconds: number;
  limit: number;
  limitBytes: number;
  onExpired(waiting: T): void;
}

interface Place<T> {
  waiting: T;
  bytes: number;
  until: number;
}

export function createHeld<T>({ milliseconds, limit, limitBytes, onExpired }: HeldOptions<T>): Held<T> {
  /** All wait equally long, so the first is always the next to give up. */
  let queue: Place<T>[] = [];
  let taken = 0;
  let timer: NodeJS.Timeout | undefined;

  function book(): void {
    const [first] = queue;
    clearTimeout(timer);
    timer = first && setTimeout(expire, first.until - performance.now()).unref();
  }

  function expire(): void {
    // Node's timers may fire a fraction of a millisecond early.
    const time = performance.now() + 1;
    const over = queue.filter(({ until }) => until <= time);
    queue = queue.slice(over.length);
    for (const { bytes } of over) taken -= bytes;
    book();
    for (const { waiting } of over) onExpired(waiting);
  }

  /** What `take` fails over does not stay: it may have been taken in part. */
  function stays({ waiting, bytes }: Place<T>, take: (waiting: T) => boolean): boolean {
    taken -= bytes;
    if (take(waiting)) return false;
    taken += bytes;
    return true;
  }

  return {
    add(waiting, bytes) {
      if (queue.length >= limit || taken + bytes > limitBytes) return false;
      queue.push({ waiting, bytes, until: performance.now() + milliseconds });
      taken += bytes;
      if (queue.length === 1) book();
      return true;
    },
    look(take) {
      const before = queue;
      queue = [];
      const still: Place<T>[] = [];
      let looked = 0;
      try {
        for (const place of before) {
          looked++;
          if (stays(place, take)) still.push(place);
        }
      } finally {
        // What came while looking stands behind what was there.
        queue = [...still, ...before.slice(looked), ...queue];
        book();
      }
    },
    get size() {
      return queue.length;
    },
    stop() {
      clearTimeout(timer);
      queue = [];
      taken = 0;
    },
  };
}
