/** The store cannot take writes now; answered with 503 and Retry-After. What is stored goes on being served. */
export class StateUnavailable extends Error {
  override readonly name = 'StateUnavailable';
}

/**
 * What this Front End keeps for its users: a warm copy in memory of the KV bucket, which survives the process.
 * Keys come from `userStateKey` of the proto package, values are plain JSON and never changed in place.
 */
export interface UserState {
  get<T>(key: string): T | undefined;
  /** Seen by `get` at once. Resolves when durable, rejects with StateUnavailable; then the value before is back. */
  put(key: string, value: unknown): Promise<void>;
  /** As `put`. Deleting what is not there resolves. */
  delete(key: string): Promise<void>;
  /** All keys that begin with `prefix`, for example `userStateKey('subscription', user)` and a dot. */
  entries<T>(prefix: string): Iterable<[key: string, value: T]>;
}
