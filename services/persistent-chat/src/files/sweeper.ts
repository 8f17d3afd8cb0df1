// Removes what nothing refers to any more: at each pod, now and then; two of them never take the same.
import type { Logger } from '@linchpin/host';
import type { FilesParts } from './files.ts';
import type { Staging } from './staging.ts';
import type { FileStorage } from './storage.ts';
import { deleteAbandoned, deleteFiles, selectExpired, takeUnused } from './store.ts';
import type { FilesTelemetry } from './telemetry.ts';

export interface SweeperParts {
  database: FilesParts['database'];
  staging: Staging;
  storage: FileStorage;
  keepUnusedHours: number;
  /** What legal holds keep in a room: all of it, or what these people (in lower case) have put there. Rejects while nobody knows. */
  heldIn?(room: string): Promise<{ all: boolean; subjects: readonly string[] }>;
  telemetry: FilesTelemetry;
  log: Logger;
}

export interface Sweeper {
  start(): void;
  /** One turn; resolves with how many contents were removed. */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

const EVERY_MS = 600_000;
const MOST_AT_ONCE = 1000;

export function createSweeper(parts: SweeperParts): Sweeper {
  const { database, staging, storage, keepUnusedHours, heldIn, telemetry, log } = parts;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  const removeOne = () =>
    database.transaction(async (client) => {
      const sha256 = await takeUnused(client, keepUnusedHours);
      if (sha256 !== undefined) await storage.remove(sha256);
      return sha256 !== undefined;
    });

  /** Those that posts name go with the posts. */
  async function removeExpired(): Promise<void> {
    const expired = await database.use(selectExpired);
    for (const [room, files] of Map.groupBy(expired, ({ room }) => room)) {
      const held = (await heldIn?.(room)) ?? { all: false, subjects: [] };
      const free = held.all ? [] : files.filter(({ by }) => !held.subjects.includes(by.toLowerCase()));
      const ids = free.map(({ id }) => id);
      if (ids.length > 0) await database.use((client) => deleteFiles(client, ids));
    }
  }

  async function sweep(): Promise<number> {
    await staging.sweep(keepUnusedHours * 3_600_000);
    await database.use((client) => deleteAbandoned(client, keepUnusedHours));
    await removeExpired();
    let removed = 0;
    while (removed < MOST_AT_ONCE && !stopped && (await removeOne())) removed++;
    telemetry.removed.inc(removed);
    return removed;
  }

  function again(): void {
    // Not all pods at the same moment.
    timer = setTimeout(
      () => {
        running = sweep()
          .then(() => {})
          .catch((error) => log.warn({ err: error }, 'could not remove files that nothing refers to'))
          .finally(() => stopped || again());
      },
      EVERY_MS * (0.5 + Math.random()),
    ).unref();
  }

  return {
    start: again,
    sweep,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
