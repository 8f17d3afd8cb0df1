import type { Logger } from '@linchpin/host';
import type { Database } from '../../database/database.ts';
import { keyOf, type Mark, writeMarks } from '../store.ts';

export interface MarksParts {
  database: Pick<Database, 'use'>;
  teller(): string;
  /** Another pod tells them now, or they are gone. */
  onLost(keys: readonly Pick<Mark, 'room' | 'member'>[]): void;
  log: Logger;
  intervalMs?: number;
}

/** Up to where members were told, written together: what a pod that dies had not written yet is told once more by the next. */
export interface Marks {
  set(mark: Mark): void;
  /** Writes the last ones of these, and lets go of the members. Never rejects. */
  release(marks: readonly Mark[]): Promise<void>;
  stop(): Promise<void>;
}

const INTERVAL_MS = 200;
/** While the store is away. */
const RETRY_MS = 2_000;

export function createMarks({ database, teller, onLost, log, intervalMs = INTERVAL_MS }: MarksParts): Marks {
  const unwritten = new Map<string, Mark>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  function later(milliseconds: number): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      writing = write();
    }, milliseconds);
  }

  async function write(): Promise<void> {
    const marks = [...unwritten.values()];
    unwritten.clear();
    try {
      const lost = await database.use((client) => writeMarks(client, teller(), marks));
      if (lost.length > 0) onLost(lost);
    } catch (err) {
      log.warn({ err, marks: marks.length }, 'cannot write up to where members were told');
      for (const mark of marks) if (!unwritten.has(keyOf(mark))) unwritten.set(keyOf(mark), mark);
      later(RETRY_MS);
    }
  }

  function set(mark: Mark): void {
    unwritten.set(keyOf(mark), mark);
    later(intervalMs);
  }

  return {
    set,
    async release(marks) {
      await writing;
      for (const mark of marks) unwritten.delete(keyOf(mark));
      if (marks.length === 0) return;
      await database
        .use((client) => writeMarks(client, teller(), marks, true))
        .catch((err) => log.warn({ err, marks: marks.length }, 'cannot let go of members'));
    },
    async stop() {
      clearTimeout(timer);
      timer = undefined;
      await writing;
      if (unwritten.size > 0) await write();
      clearTimeout(timer);
    },
  };
}
