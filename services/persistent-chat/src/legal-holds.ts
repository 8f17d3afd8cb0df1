// What legal holds keep, for whoever takes something away. Compliance knows them, in a database of its own.

/** What holds say of one room. */
export interface Held {
  /** Nothing of it may go. */
  all: boolean;
  /** What these people did, and what names them, may not go; in lower case. */
  subjects: readonly string[];
}

/** What is held, at a moment at which nobody can place a hold. */
export interface Holds {
  /** `category`: of the room now, which compliance may not have heard of yet. Rejects with `unavailable` while it is not known. */
  of(room: string, category?: string): Promise<Held>;
  /** Before what was taken away is committed: rejects with `unavailable` where somebody may have placed a hold after all. */
  stand(): Promise<void>;
}

/**
 * Holds that are placed meanwhile wait for the end of `run`: what is gone then was not held, and who was told that something is
 * held finds all of it. Before any lock of a room. Rejects as `run` does, and with `unavailable`.
 */
export type WithHolds = <T>(run: (holds: Holds) => Promise<T>) => Promise<T>;

/** Where there is no compliance store, nobody can have placed a hold. */
export const withoutHolds: WithHolds = (run) =>
  run({ of: async () => ({ all: false, subjects: [] }), stand: async () => {} });
