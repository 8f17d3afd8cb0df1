/** Runs what it is given when it is its turn. */
export type InTurn = <T>(run: () => Promise<T>) => Promise<T>;

/**
 * Lets so many run at a time; the others wait for their turn, in the order in which they came. `full`: how many may wait, and what
 * whoever comes then is refused with.
 */
export function createTurns(most: number, full?: { waiting: number; refusal(): Error }): InTurn {
  const waiting: (() => void)[] = [];
  let running = 0;

  return async (run) => {
    if (running < most) running++;
    else {
      if (full && waiting.length >= full.waiting) throw full.refusal();
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      // Who comes next has the place of who goes.
      if (next) next();
      else running--;
    }
  };
}
