/**
 * Deletions whose marks are still in a group's stream. NATS does not deliver what was purged before its turn came: a copy that
 * is behind, if only by a moment, would keep what was deleted, and serve it after a take-over. So a mark stays for longer than
 * a copy may pause, see `GroupCopyOptions.timing`.
 */
export interface DeletionMarks {
  add(key: string, sequence: number): void;
  /** Those that are older than so many milliseconds; they are forgotten here. */
  take(age: number): [key: string, sequence: number][];
  /** The stream is another one, or does not have them any more. */
  clear(): void;
}

/** Milliseconds that a mark stays. */
export const MARK_MS = 60_000;
/** Who is not the owner forgets them after so long; the owner has purged them by then. */
export const FORGET_MARK_MS = 10 * MARK_MS;

export function createDeletionMarks(now = () => performance.now()): DeletionMarks {
  /** The oldest first. */
  const marks = new Map<string, { sequence: number; at: number }>();
  return {
    add(key, sequence) {
      marks.delete(key);
      marks.set(key, { sequence, at: now() });
    },
    take(age) {
      const taken: [string, number][] = [];
      for (const [key, { sequence, at }] of marks) {
        if (now() - at < age) break;
        marks.delete(key);
        taken.push([key, sequence]);
      }
      return taken;
    },
    clear: () => marks.clear(),
  };
}
