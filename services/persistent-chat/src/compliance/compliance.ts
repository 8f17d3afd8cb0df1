// The parts of compliance: from the queue into the store, out of it through adapters, and what is asked of it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Health, Logger, NatsLink } from '@linchpin/host';
import type { StatusReply } from '@linchpin/proto/chat/v1/compliance';
import type { Registry } from 'prom-client';
import type { Database } from '../database/database.ts';
import { type WithHolds, withoutHolds } from '../legal-holds.ts';
import type { QueueLimits } from '../queue.ts';
import { type AdapterRunner, createAdapterRunner } from './adapters/runner.ts';
import type { ComplianceConfig } from './config.ts';
import { heldIn, holdsAreSeen, withHoldsOf } from './holds.ts';
import { createIntake, type Intake } from './intake/intake.ts';
import { createQueueWatch } from './intake/queue-watch.ts';
import { applyRetention, type ScopePolicy } from './retention.ts';
import { type ComplianceHandlers, createComplianceRpc } from './rpc.ts';
import { readStatus } from './status.ts';
import { createComplianceTelemetry } from './telemetry.ts';

const RETENTION_MS = 3_600_000;
const FIRST_RETENTION_MS = 60_000;

export interface ComplianceParts {
  nats: NatsLink;
  /** Of the compliance store, with `complianceMigrations`; started and stopped by the role. Undefined: none is configured. */
  database: Database | undefined;
  config: Omit<ComplianceConfig, 'postgres'> | undefined;
  queue: QueueLimits;
  /** Minutes between two runs of an adapter (complianceIntervalMinutes). */
  interval(): number;
  /** What holds for these rooms and categories now; those that are deleted are left out. Rejects while that is not known. */
  policies(scopes: readonly string[]): Promise<ReadonlyMap<string, ScopePolicy>>;
  /**
   * How many seconds the oldest event waits that is stored and not in the queue yet; of those that wait longer than `enough`, any
   * will do. Rejects while that is not known.
   */
  unqueuedSeconds(enough: number): Promise<number>;
  /** Epoch milliseconds by the clock of NATS (Members.now). */
  now(): number;
  /** The name of the administrator who calls, for the audit. */
  administrator(call: unknown): string;
  metrics: Registry;
  health: Health;
  log: Logger;
}

export interface Compliance {
  /** Waits for nobody. */
  start(): void;
  stop(): Promise<void>;
  /**
   * Whether events get into the compliance store now: it can be reached, and is not further behind what is stored of rooms than
   * maxLagSeconds. Categories with `complianceRequired` take posts only then.
   */
  healthy(): boolean;
  /** Whether a legal hold keeps anything of a room. Rejects with ChatError `unavailable` while that is not known. */
  isHeld(scope: string): Promise<boolean>;
  /** What is held while something is taken away. */
  readonly withHolds: WithHolds;
  /** A room's own hold was stored: resolves when nothing of it is cut any more. Rejects with `unavailable` where that is not known. */
  holdsAreSeen(): Promise<void>;
  /** Of the gRPC service linchpin.chat.v1.Compliance, for callers `admin` and `cms`. */
  readonly handlers: ComplianceHandlers;
  status(): Promise<StatusReply>;
  /** Runs the adapters that are due, now. */
  runAdapters(): Promise<void>;
  /** Cuts off what has been kept long enough, now; resolves with the number of events. */
  applyRetention(): Promise<number>;
}

export function createCompliance(parts: ComplianceParts): Compliance {
  const { nats, database, config, health, log, now } = parts;
  const stopping = new AbortController();
  const telemetry = createComplianceTelemetry(parts.metrics);
  const { unqueuedSeconds } = parts;
  const maxLag = config?.maxLagSeconds ?? 0;
  const watch = createQueueWatch({ nats, database, maxLag, unqueuedSeconds, now, health });
  telemetry.observe(watch.figures);
  const adapters = config?.adapters ?? [];
  let intake: Intake | undefined;
  let runner: AdapterRunner | undefined;
  let cutting: Promise<void> | undefined;
  if (database !== undefined) {
    intake = createIntake({ nats, database, limits: parts.queue, telemetry, log });
    runner = createAdapterRunner({ database, adapters, interval: parts.interval, telemetry, health, log });
  }

  const healthy = (): boolean => database?.available === true && watch.good;

  async function retain(): Promise<number> {
    if (database === undefined) return 0;
    const names = adapters.map(({ name }) => name);
    const retention = { database, policies: parts.policies, adapters: names, telemetry, log };
    return applyRetention(retention, stopping.signal);
  }

  async function retainEveryHour(): Promise<void> {
    const { signal } = stopping;
    for (let wait = FIRST_RETENTION_MS; !signal.aborted; wait = RETENTION_MS) {
      await sleep(wait, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      await retain().catch((error) => log.warn({ err: error }, 'retention waits for its next hour'));
    }
  }

  const status = () => readStatus({ database, adapters, healthy: healthy(), figures: watch.figures() });

  return {
    start() {
      watch.start();
      intake?.start();
      runner?.start();
      if (database !== undefined) cutting = retainEveryHour();
    },
    async stop() {
      stopping.abort();
      watch.stop();
      await Promise.all([intake?.stop(), runner?.stop(), cutting]);
    },
    healthy,
    async isHeld(scope) {
      // Where there is no store, nobody can have placed a hold.
      if (database === undefined) return false;
      const { all, subjects } = await database.use((client) => heldIn(client, scope));
      return all || subjects.length > 0;
    },
    withHolds: database === undefined ? withoutHolds : (run) => withHoldsOf(database, run),
    holdsAreSeen: async () => (database === undefined ? undefined : holdsAreSeen(database)),
    handlers: createComplianceRpc({
      database,
      fourEyes: config?.fourEyes ?? false,
      policies: parts.policies,
      administrator: parts.administrator,
      status,
    }),
    status,
    runAdapters: async () => runner?.runDue(),
    applyRetention: retain,
  };
}
