interface Bucket {
  tokens: number;
  at: number;
}

export interface BucketLimits {
  /** Tokens that come back each second; 0 turns the limit off. */
  perSecond: number;
  /** How many may be taken at once. */
  burst: number;
}

export interface Buckets {
  /** Takes a token, or so many; none, and false, when the key has not as many left. */
  take(key: string, count?: number): boolean;
  /** Whether a token is left, without taking it. */
  has(key: string): boolean;
}

/** Token buckets by key. Memory is bounded: full buckets are dropped first, and they carry no history. */
export function createBuckets(
  { perSecond, burst }: BucketLimits,
  maxKeys = 100_000,
  // Not the time of day: set back by an hour it would take away an hour's tokens.
  now = () => performance.now(),
): Buckets {
  const buckets = new Map<string, Bucket>();
  if (perSecond === 0) return { take: () => true, has: () => true };

  const tokens = (bucket: Bucket, at: number): number =>
    Math.min(burst, bucket.tokens + ((at - bucket.at) / 1000) * perSecond);

  function makeRoom(at: number): void {
    for (const [key, bucket] of buckets) if (tokens(bucket, at) >= burst) buckets.delete(key);
    // Still full: a flood from more sources than we can watch. Forget the oldest tenth.
    let excess = buckets.size - maxKeys * 0.9;
    for (const key of buckets.keys()) if (excess-- > 0) buckets.delete(key);
  }

  function current(key: string): Bucket {
    const at = now();
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      if (buckets.size >= maxKeys) makeRoom(at);
      bucket = { tokens: burst, at };
      buckets.set(key, bucket);
    }
    bucket.tokens = tokens(bucket, at);
    bucket.at = at;
    return bucket;
  }

  return {
    take(key, count = 1) {
      const bucket = current(key);
      if (bucket.tokens < count) return false;
      bucket.tokens -= count;
      return true;
    },
    has: (key) => {
      const bucket = buckets.get(key);
      return bucket === undefined || tokens(bucket, now()) >= 1;
    },
  };
}
