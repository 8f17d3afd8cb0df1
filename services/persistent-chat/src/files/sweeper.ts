// Removes what nothing refers to any more: at each pod, now and then; two of them never take the same.
import type { Logger } from '@linchpin/host';
import type { WithHolds } from '../legal-holds.ts';
import type { FilesParts } from './files.ts';
import type { Staging } from './staging.ts';
import type { FileStorage } from './storage.ts';
import { deleteAbandoned, deleteFiles, type Ended, selectEnded, takeUnused } from './store.ts';
import type { FilesTelemetry } from './telemetry.ts';

export interface SweeperParts {
  database: FilesParts['database'];
  staging: Staging;
  storage: FileStorage;
  keepUnusedHours: number;
  /** Hours that a file is kept which was never posted; what holds now. */
  unpostedHours(): number;
  /** What legal holds keep while files are taken away. */
  withHolds: WithHolds;
  telemetry: FilesTelemetry;
  log: Logger;
}

export interface Sweeper {
  start(): void;
  /** Posts were purged: what they named is removed now. */
  soon(): void;
  /** One turn; resolves with how many contents were removed. */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

const EVERY_MS = 600_000;
const MOST_AT_ONCE = 1000;
/** Files that are looked at in one go. */
const PAGE = 1000;

export function createSweeper(parts: SweeperParts): Sweeper {
  const { database, staging, storage, keepUnusedHours, unpostedHours, withHolds, telemetry, log } = parts;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  /** A turn that has not begun yet: one is enough for all who want one. */
  let waiting: Promise<void> | undefined;
  let stopped = false;

  const removeOne = () =>
    database.transaction(async (client) => {
      const sha256 = await takeUnused(client, keepUnusedHours);
      if (sha256 !== undefined) await storage.remove(sha256);
      return sha256 !== undefined;
    });

  /** But for what legal holds keep. */
  async function removeEnded(): Promise<void> {
    let after: Ended | undefined;
    for (let more = true; more && !stopped; ) {
      const page = { unpostedHours: unpostedHours(), after, limit: PAGE };
      const ended = await database.use((client) => selectEnded(client, page));
      for (const [room, files] of Map.groupBy(ended, ({ room }) => room)) await removeOf(room, files);
      after = ended.at(-1);
      more = ended.length === PAGE;
    }
  }

  const removeOf = (room: string, files: readonly Ended[]): Promise<void> =>
    withHolds((holds) =>
      database.transaction(async (client) => {
        const { all, subjects } = await holds.of(room, files[0]?.category);
        const free = files.filter(({ people }) => !all && !people.some((name) => subjects.includes(name)));
        if (free.length === 0) return;
        const ids = free.map(({ id }) => id);
        await deleteFiles(client, room, ids);
        await holds.stand();
      }),
    );

  async function sweep(): Promise<number> {
    await staging.sweep(keepUnusedHours * 3_600_000);
    await database.use((client) => deleteAbandoned(client, keepUnusedHours));
    await removeEnded();
    let removed = 0;
    while (removed < MOST_AT_ONCE && !stopped && (await removeOne())) removed++;
    telemetry.removed.inc(removed);
    return removed;
  }

  /** After the one that is under way. Never rejects. */
  function turn(): Promise<void> {
    if (waiting !== undefined) return running;
    const next = running.then(async () => {
      waiting = undefined;
      if (!stopped) await sweep();
    });
    waiting = next;
    running = next.catch((error) =>
      log.warn({ err: error }, 'could not remove files that nothing refers to'),
    );
    return running;
  }

  function again(): void {
    // Not all pods at the same moment.
    const inMs = EVERY_MS * (0.5 + Math.random());
    timer = setTimeout(() => void turn().finally(() => stopped || again()), inMs).unref();
  }

  return {
    start: again,
    soon: () => void turn(),
    sweep,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
