/** Begins work at once, and gives results of the same key in the order in which they were asked for. */
export function createOrder(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key);
    const own = work();
    const settled = Promise.allSettled([own, before]);
    last.set(key, settled);
    try {
      await before;
      return await own;
    } finally {
      if (last.get(key) === settled) last.delete(key);
    }
  };
}
