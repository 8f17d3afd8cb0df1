/** Requests that wait for somebody to take them, in the order in which they came. */
export interface Held<T> {
  /** False when there are too many. */
  add(waiting: T): boolean;
  /** Looks again at each: what `take` returns true for waits no longer. */
  look(take: (waiting: T) => boolean): void;
  readonly size: number;
  stop(): void;
}

export interface HeldOptions<T> {
  milliseconds: number;
  limit: number;
  onExpired(waiting: T): void;
}

export function createHeld<T>({ milliseconds, limit, onExpired }: HeldOptions<T>): Held<T> {
  /** All wait equally long, so the first is always the next to give up. */
  let queue: { waiting: T; until: number }[] = [];
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
    book();
    for (const { waiting } of over) onExpired(waiting);
  }

  return {
    add(waiting) {
      if (queue.length >= limit) return false;
      queue.push({ waiting, until: performance.now() + milliseconds });
      if (queue.length === 1) book();
      return true;
    },
    look(take) {
      const before = queue;
      queue = [];
      const still = before.filter(({ waiting }) => !take(waiting));
      // What came while looking stands behind what was there.
      queue = [...still, ...queue];
      book();
    },
    get size() {
      return queue.length;
    },
    stop() {
      clearTimeout(timer);
      queue = [];
    },
  };
}
