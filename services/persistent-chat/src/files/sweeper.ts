// Removes what nothing refers to any more: at each pod, now and then; two of them never take the same.
import type { Logger } from '@linchpin/host';
import type { FilesParts } from './files.ts';
import type { Staging } from './staging.ts';
import type { FileStorage } from './storage.ts';
import { deleteAbandoned, takeUnused } from './store.ts';
import type { FilesTelemetry } from './telemetry.ts';

export interface SweeperParts {
  database: FilesParts['database'];
  staging: Staging;
  storage: FileStorage;
  keepUnusedHours: number;
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
  const { database, staging, storage, keepUnusedHours, telemetry, log } = parts;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  const removeOne = () =>
    database.transaction(async (client) => {
      const sha256 = await takeUnused(client, keepUnusedHours);
      if (sha256 !== undefined) await storage.remove(sha256);
      return sha256 !== undefined;
    });

  async function sweep(): Promise<number> {
    await staging.sweep(keepUnusedHours * 3_600_000);
    await database.use((client) => deleteAbandoned(client, keepUnusedHours));
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
