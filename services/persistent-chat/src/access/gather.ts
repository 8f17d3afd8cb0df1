/** Asked of the database at once, at most. */
const MAX_KEYS = 1_000;

interface Asked<V> {
  resolve(value: V | undefined): void;
  reject(error: unknown): void;
}

/**
 * Asks for many at once what is asked for one by one: while an answer is awaited, questions gather for the next one. So an
 * answer is never older than its question, and under load a question costs a part of a query.
 */
export function gather<V>(
  load: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>,
): (key: string) => Promise<V | undefined> {
  let waiting = new Map<string, Asked<V>[]>();
  let underWay = false;

  function take(): Map<string, Asked<V>[]> {
    const taken = waiting.size <= MAX_KEYS ? waiting : new Map([...waiting].slice(0, MAX_KEYS));
    waiting = taken === waiting ? new Map() : new Map([...waiting].slice(MAX_KEYS));
    return taken;
  }

  async function run(): Promise<void> {
    underWay = true;
    while (waiting.size > 0) {
      const asked = take();
      try {
        const found = await load([...asked.keys()]);
        for (const [key, callers] of asked) for (const { resolve } of callers) resolve(found.get(key));
      } catch (error) {
        for (const callers of asked.values()) for (const { reject } of callers) reject(error);
      }
    }
    underWay = false;
  }

  return (key) =>
    new Promise((resolve, reject) => {
      const callers = waiting.get(key);
      if (callers) callers.push({ resolve, reject });
      else waiting.set(key, [{ resolve, reject }]);
      if (!underWay) void Promise.resolve().then(() => underWay || run());
    });
}
