// A database as the rest of a role sees it: there, or refused in the role's own words and soon there again.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import type { Health } from './health.ts';
import { HostError } from './host-error.ts';
import type { Logger } from './log.ts';
import { inTransaction } from './transaction.ts';

const RETRY_MS = 500;
/** While it is there, it is asked at each tenth turn only. */
const TURNS_BETWEEN_CHECKS = 10;
/** What is prepared for longer is said to be, again and again. */
const SLOW_MS = 5_000;

export interface DatabaseOptions {
  pool: Pool;
  /** The name of its check in the pod's health, by default `postgres`. */
  check?: string;
  /** Runs after the first connection, again until it has succeeded once. */
  prepare(client: PoolClient): Promise<void>;
  /** The database can never be used by this release. */
  onUnusable(error: HostError): void;
  /** The role's error for what may succeed when it is tried again. */
  unavailable(why: string): Error;
  /**
   * Statements that do not wait for each other's answers go out together, and are run in the order in which they were given.
   * False unless told.
   */
  pipeline?: boolean;
  health: Health;
  log: Logger;
}

export interface Database {
  readonly available: boolean;
  /** Resolves when the first attempt to connect and prepare is over; rejects only where no later one can succeed. */
  start(): Promise<void>;
  /** Called each time the database has been prepared or has come back. */
  onAvailable(listener: () => void): void;
  /** Rejects with `unavailable` while PostgreSQL is away or not prepared; then nothing was changed, unless it says so. */
  use<T>(run: (client: PoolClient) => Promise<T>): Promise<T>;
  transaction<T>(run: (client: PoolClient) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

export function createDatabase(options: DatabaseOptions): Database {
  const { pool, check: checkName = 'postgres', prepare, onUnusable, unavailable, health, log } = options;
  if (options.pipeline) Object.assign(pool.options, { pipeline: true });
  const stopping = new AbortController();
  const listeners = new Set<() => void>();
  /** Made here, and in the health already where they have to be. */
  const refusals = new WeakSet<Error>();
  let prepared = false;
  let available = false;
  let lastWhy = '';
  let watching: Promise<void> | undefined;

  function refuse(why: string): Error {
    const error = unavailable(why);
    refusals.add(error);
    return error;
  }

  function away(error: unknown): Error {
    const why = `PostgreSQL is away: ${reason(error)}`;
    degrade(why);
    return refuse(why);
  }

  function degrade(why: string): void {
    available = false;
    health.set(checkName, false, why);
    if (why !== lastWhy) log.warn({ why, check: checkName }, 'degraded');
    lastWhy = why;
  }

  function back(): void {
    health.set(checkName, true);
    if (available) return;
    available = true;
    lastWhy = '';
    log.info({ check: checkName }, 'PostgreSQL is available');
    for (const listener of listeners) listener();
  }

  async function connect(): Promise<PoolClient> {
    try {
      return await pool.connect();
    } catch (error) {
      // All connections that may be made are there and at work: that is load, no outage.
      if (pool.totalCount >= pool.options.max) throw refuse('all connections to PostgreSQL are busy');
      throw away(error);
    }
  }

  async function withClient<T>(run: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await connect();
    let lost: Error | undefined;
    const onError = (error: Error) => {
      // The server says why, then the connection ends, which is said too.
      lost ??= error;
    };
    client.on('error', onError);
    try {
      return await run(client);
    } catch (error) {
      if (isTooSlow(lost)) throw refuse('this stood still for too long and was undone: try again');
      if (lost !== undefined || isOutage(error)) throw away(error);
      if (isContended(error)) throw refuse('others have changed the same at this moment: try again');
      throw isServerError(error) ? bare(error) : error;
    } finally {
      client.off('error', onError);
      client.release(lost);
    }
  }

  /** A migration may take an hour, and other pods wait for the one that does it: whoever looks at either reads why. */
  async function prepareAloud(client: PoolClient): Promise<void> {
    const say = () => log.info({ check: checkName }, 'waits until the tables are brought up to this release');
    const saying = setInterval(say, SLOW_MS);
    try {
      await prepare(client);
    } finally {
      clearInterval(saying);
    }
  }

  async function check(): Promise<void> {
    await withClient(async (client) => {
      if (!prepared) await prepareAloud(client);
      else await client.query('SELECT 1');
    });
    prepared = true;
    back();
  }

  async function watch(): Promise<void> {
    for (let turn = 1; !stopping.signal.aborted; turn++) {
      await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => {});
      if (available && turn % TURNS_BETWEEN_CHECKS !== 0) continue;
      if (!stopping.signal.aborted) await check().catch(failed);
    }
  }

  function failed(error: unknown): void {
    if (error instanceof HostError) onUnusable(error);
    else if (!refusals.has(error as Error)) degrade(`the database cannot be prepared: ${reason(error)}`);
  }

  async function use<T>(run: (client: PoolClient) => Promise<T>): Promise<T> {
    if (!available) throw refuse(lastWhy || 'PostgreSQL has not been reached yet');
    return withClient(run);
  }

  return {
    get available() {
      return available;
    },
    async start() {
      await check().catch((error) => {
        if (error instanceof HostError) throw error;
        failed(error);
      });
      watching = watch();
    },
    onAvailable: (listener) => void listeners.add(listener),
    use,
    transaction: (run) => use((client) => inTransaction(client, run, refuse)),
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}

interface ServerError extends Error {
  code: string;
  constraint?: string;
}

/** An answer of PostgreSQL, by its fields: most processes have no use for the driver, and this does not load it. */
const isServerError = (error: unknown): error is ServerError =>
  error instanceof Error &&
  'severity' in error &&
  typeof (error as { code?: unknown } & Error).code === 'string';

// Classes 08 (connection), 53 (resources) and 57P (shutdown, start-up) of PostgreSQL's error codes.
const isOutage = (error: unknown): boolean => isServerError(error) && /^(08|53|57P)/.test(error.code);

// serialization_failure and deadlock_detected: the transaction was undone, and may succeed when it is tried again.
const isContended = (error: unknown): boolean => isServerError(error) && /^40(001|P01)$/.test(error.code);

// idle_in_transaction_session_timeout: PostgreSQL ends the session, which says nothing of the others.
const isTooSlow = (error: unknown): boolean => isServerError(error) && error.code === '25P03';

const reason = (error: unknown): string => {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || 'no connection';
};

/** Without `detail` and `where`: they repeat values of rows, and rows hold what people have said, or hashes of passwords. */
function bare(error: ServerError): Error {
  const { code, constraint } = error;
  return Object.assign(new Error(reason(error)), { code, constraint });
}
