// User state in PostgreSQL: the copy from which it is given back when NATS has lost it. Written behind, never waited for.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Health, Logger } from '@linchpin/host';
import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import { type BackupSource, createGroupWork, type GroupWork, type Owner } from './group-work.ts';
import { type Claim, createRows, type Row, type Rows } from './rows.ts';
import { createSessions } from './sessions.ts';
import { createBackupTelemetry } from './telemetry.ts';

export interface Backup {
  /** This pod is the group's owner, with all of it in memory; also where it is so already, in a later term or of another stream. */
  take(group: number, owner: Owner): void;
  /** It is another's. What is not written yet is found by the next owner. */
  release(group: number): void;
  /** A change of a group that was taken is durable. */
  stored(group: number, key: string, revision: number): void;
  /** What was written last of a group whose stream is lost, all pods included. Rejects while PostgreSQL is away. */
  restore(group: number): Promise<Row[]>;
  /** Changes that are not in PostgreSQL, of one group or of all that were taken. */
  lag(group?: number): number;
  start(): void;
  /** Writes what is left, for two seconds at most. */
  stop(): Promise<void>;
}

export interface BackupOptions {
  /** Of PostgreSQL; without it nothing is kept, and nothing given back. */
  postgres: Pool | undefined;
  /** The pool of Front Ends, and this one's name. */
  pool: string;
  pod: string;
  source: BackupSource;
  health: Pick<Health, 'set'>;
  log: Pick<Logger, 'info' | 'warn'>;
  metrics: Registry;
  /** Milliseconds between two writes; changes of one key in between are one. */
  everyMs?: number;
  /** A lag so old shows in the health. */
  degradedAfterMs?: number;
  rows?: Rows;
}

const LAST_RETRY_MS = 30_000;
const STOP_MS = 2000;

export function createBackup(options: BackupOptions): Backup {
  const { postgres, pool, pod, everyMs = 1000 } = options;
  const rows = options.rows ?? (postgres && createRows(createSessions(postgres), pool, pod));
  return rows ? createWriteBehind(rows, { ...options, everyMs }) : nothing;
}

/** Without PostgreSQL the streams are all there is. */
const nothing: Backup = {
  take() {},
  release() {},
  stored() {},
  restore: async () => [],
  lag: () => 0,
  start() {},
  stop: async () => {},
};

function createWriteBehind(rows: Rows, options: BackupOptions & { everyMs: number }): Backup {
  const { source, health, log, metrics, everyMs, degradedAfterMs = 60_000 } = options;
  const groups = new Map<number, GroupWork>();
  const stopping = new AbortController();
  const now = () => performance.now();
  let running: Promise<void> | undefined;
  let failures = 0;
  const telemetry = createBackupTelemetry(metrics, { changes: lag, ageSeconds });

  function lag(group?: number): number {
    if (group !== undefined) return groups.get(group)?.lag ?? 0;
    return [...groups.values()].reduce((sum, work) => sum + work.lag, 0);
  }

  function ageSeconds(): number {
    const oldest = Math.min(...[...groups.values()].map(({ since }) => since ?? Number.POSITIVE_INFINITY));
    return Number.isFinite(oldest) ? (now() - oldest) / 1000 : 0;
  }

  function take(group: number, owner: Owner): void {
    const known = groups.get(group);
    if (known) return known.own(owner);
    const parts = { group, owner, rows, source, onWritten: telemetry.written, now, onShutOut };
    groups.set(group, createGroupWork(parts));
  }

  const onShutOut = (claim: Claim): void =>
    log.warn(claim, 'another Front End writes the backup of this group');

  async function flush(): Promise<void> {
    try {
      // One after the other: it is behind anyway, and one connection is enough.
      for (const work of [...groups.values()]) await flushOne(work);
      if (failures > 0) log.info({ changes: lag() }, 'the backup of the user state is written again');
      failures = 0;
    } catch (error) {
      telemetry.failed();
      if (failures++ === 0) log.warn({ err: error }, 'the backup of the user state cannot be written');
      report(error as Error);
      return;
    }
    report();
  }

  /** A group that fails comes last the next time, so that it does not keep others waiting. */
  async function flushOne(work: GroupWork): Promise<void> {
    const { group } = work;
    if (groups.get(group) !== work) return;
    await work.flush().catch((error) => {
      if (groups.get(group) === work && groups.delete(group)) groups.set(group, work);
      throw error;
    });
  }

  function report(error?: Error): void {
    const age = ageSeconds();
    const isOld = age * 1000 > degradedAfterMs;
    const why = `${lag()} changes of user state are not in PostgreSQL for ${Math.round(age)} s`;
    health.set('backup', !isOld, error ? `${why}: ${error.message || 'no connection'}` : why);
  }

  async function run(): Promise<void> {
    const { signal } = stopping;
    while (!signal.aborted) {
      const delay = Math.min(everyMs * 2 ** failures, Math.max(everyMs, LAST_RETRY_MS));
      await sleep(delay, undefined, { signal, ref: false }).catch(() => {});
      if (!signal.aborted) await flush();
    }
  }

  return {
    take,
    release(group) {
      groups.get(group)?.close();
      groups.delete(group);
    },
    stored: (group, key, revision) => groups.get(group)?.changed(key, revision),
    restore: rows.read,
    lag,
    start() {
      running = run();
    },
    async stop() {
      stopping.abort();
      const last = (async () => {
        await running;
        if (failures === 0 && lag() > 0) await flush();
      })();
      await Promise.race([last, sleep(STOP_MS, undefined, { ref: false })]);
      groups.clear();
    },
  };
}
