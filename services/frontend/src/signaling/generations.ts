export interface GenerationsOptions<T> {
  milliseconds: number;
  /** Entries of a generation, of which there are two. */
  capacity: number;
  /** Bytes of a generation, as `sizeOf` counts them. */
  bytes?: number;
  sizeOf?(value: T): number;
  /** Milliseconds. */
  now(): number;
}

/** Keeps each entry for one to two times as long: the older half is forgotten as a whole, sooner where there is no room. */
export function createGenerations<T>(options: GenerationsOptions<T>) {
  const { milliseconds, capacity, bytes = Number.POSITIVE_INFINITY, sizeOf = () => 0, now } = options;
  let young = new Map<string, T>();
  let old = new Map<string, T>();
  let taken = 0;
  let since = now();

  function age(size: number): void {
    const time = now();
    const hasRoom = young.size < capacity && taken + size <= bytes;
    if (hasRoom && time - since < milliseconds) return;
    old = time - since < 2 * milliseconds ? young : new Map();
    young = new Map();
    taken = 0;
    since = time;
  }

  return {
    get: (key: string): T | undefined => young.get(key) ?? old.get(key),
    set(key: string, value: T): void {
      const size = sizeOf(value);
      age(size);
      young.set(key, value);
      taken += size;
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
