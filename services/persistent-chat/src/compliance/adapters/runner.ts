// Brings each adapter what is new, at its interval; one pod at a time does.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Health, Logger } from '@linchpin/host';
import type { PoolClient } from 'pg';
import { ChatError } from '../../chat.ts';
import type { Database } from '../../database/database.ts';
import type { AdapterConfig } from '../config.ts';
import { LOCK } from '../locks.ts';
import type { ComplianceTelemetry } from '../telemetry.ts';
import type { ComplianceAdapter } from './adapter.ts';
import { createAdapter } from './create.ts';
import { nextBatch, scopesBehind, written } from './marks.ts';

const LOOK_MS = 10_000;
const STOP_MS = 5_000;

export interface RunnerParts {
  database: Database;
  adapters: readonly AdapterConfig[];
  /** Minutes from the beginning of one run to the next. */
  interval(): number;
  telemetry: ComplianceTelemetry;
  health: Health;
  log: Logger;
}

export interface AdapterRunner {
  start(): void;
  /** Runs all that are due, by this pod unless another one is at it; those that fail say so in health and log, and run again. */
  runDue(): Promise<void>;
  stop(): Promise<void>;
}

export function createAdapterRunner(parts: RunnerParts): AdapterRunner {
  const { database, adapters, telemetry, health, log } = parts;
  const stopping = new AbortController();
  const { signal } = stopping;
  const made = new Map<string, ComplianceAdapter>();
  let running: Promise<void> | undefined;

  async function runOne(config: AdapterConfig): Promise<void> {
    const { name } = config;
    const check = `compliance-adapter ${name}`;
    try {
      const adapter = made.get(name) ?? (await createAdapter(config, log));
      made.set(name, adapter);
      const ran = await database.use((client) => alone(client, name, () => runIfDue(client, adapter)));
      health.set(check, true);
      if (ran) telemetry.adapterRuns.inc({ adapter: name, result: 'done' });
    } catch (error) {
      // The store is away: health says that already.
      if (error instanceof ChatError) return;
      health.set(check, false, (error as Error).message);
      log.error({ err: error, adapter: name }, 'a compliance adapter has failed; it runs again soon');
      telemetry.adapterRuns.inc({ adapter: name, result: 'failed' });
    }
  }

  async function runIfDue(client: PoolClient, adapter: ComplianceAdapter): Promise<boolean> {
    const { rows } = await client.query(
      `SELECT now() AS started, NOT EXISTS (SELECT FROM adapters
         WHERE name = $1 AND ran_at > now() - make_interval(mins => $2)) AS due`,
      [adapter.name, parts.interval()],
    );
    if (!rows[0].due) return false;
    if (!(await runAll(client, adapter))) return false;
    await client.query(
      'INSERT INTO adapters (name, ran_at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET ran_at = excluded.ran_at',
      [adapter.name, rows[0].started],
    );
    return true;
  }

  /** A room that cannot be written does not keep the others from it; false where it was ended before its time. */
  async function runAll(client: PoolClient, adapter: ComplianceAdapter): Promise<boolean> {
    const failures: Error[] = [];
    for await (const scope of scopesBehind(client, adapter.name)) {
      if (signal.aborted) return false;
      try {
        await runScope(client, adapter, scope);
      } catch (error) {
        failures.push(error as Error);
        if (failures.length === 10) break;
      }
    }
    const [first] = failures;
    if (first !== undefined) throw first;
    return true;
  }

  async function runScope(client: PoolClient, adapter: ComplianceAdapter, scope: string): Promise<void> {
    while (!signal.aborted) {
      const batch = await nextBatch(client, adapter.name, scope);
      if (batch === undefined) return;
      await adapter.write(batch);
      await written(client, adapter.name, batch);
      telemetry.adapterEvents.inc({ adapter: adapter.name }, batch.events.length);
    }
  }

  async function runDue(): Promise<void> {
    for (const config of adapters) if (!signal.aborted) await runOne(config);
  }

  return {
    start() {
      running = (async () => {
        while (!signal.aborted) {
          await runDue();
          await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
        }
      })();
    },
    runDue,
    async stop() {
      stopping.abort();
      // An own adapter may never come back; what it was given comes again.
      await Promise.race([running, sleep(STOP_MS, undefined, { ref: false })]);
    },
  };
}

/** Undefined where another pod does it at this moment. When the pod dies, its session ends, and with that the lock. */
async function alone<T>(client: PoolClient, name: string, run: () => Promise<T>): Promise<T | undefined> {
  const { rows } = await client.query('SELECT pg_try_advisory_lock($1, hashtext($2)) AS ours', [
    LOCK.adapter,
    name,
  ]);
  if (!rows[0].ours) return undefined;
  try {
    return await run();
  } finally {
    // Where the session is lost, so is the lock.
    await client.query('SELECT pg_advisory_unlock($1, hashtext($2))', [LOCK.adapter, name]).catch(() => {});
  }
}
