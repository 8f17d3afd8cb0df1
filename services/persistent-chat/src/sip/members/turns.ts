/** Lets so many run at a time; the others wait for their turn, in the order in which they came. */
export function createTurns(most: number): <T>(run: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;

  return async (run) => {
    if (running < most) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
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
