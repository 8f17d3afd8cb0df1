/** Keeps each entry for one to two times as long: the older half is forgotten as a whole. */
export function createGenerations<T>(milliseconds: number, capacity: number, now: () => number) {
  let young = new Map<string, T>();
  let old = new Map<string, T>();
  let since = now();

  function age(): void {
    const time = now();
    if (young.size < capacity && time - since < milliseconds) return;
    old = time - since < 2 * milliseconds ? young : new Map();
    young = new Map();
    since = time;
  }

  return {
    get: (key: string): T | undefined => young.get(key) ?? old.get(key),
    set(key: string, value: T): void {
      age();
      young.set(key, value);
    },
    delete(key: string): void {
      young.delete(key);
      old.delete(key);
    },
    get size() {
      return young.size + old.size;
    },
  };
}
