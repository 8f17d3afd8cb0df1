// One connection to PostgreSQL beside the pool, for what belongs to a session: notifications, and locks that end with it.
import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type Client, type Notification, type PoolConfig } from 'pg';
import type { Logger } from './log.ts';

export interface PostgresSession {
  /** Undefined while there is none. */
  readonly client: Client | undefined;
  /** Resolves when the first attempt is over; from then on it is looked after until `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface PostgresSessionOptions {
  /** Where PostgreSQL is. */
  options: PoolConfig;
  /** Statements that each session begins with, such as LISTEN. */
  setup: string;
  onNotification(notification: Notification): void;
  onOpen?(): void;
  onLost?(): void;
  /** Run every `everyMs`; the session is lost when it rejects. */
  check(client: Client): Promise<unknown>;
  everyMs: number;
  /** PostgreSQL counts as away after so many milliseconds without an answer. */
  answerMs: number;
  /** For the log, when there is none: what does not happen without it. */
  lostMessage: string;
  log: Pick<Logger, 'debug'>;
}

export function createPostgresSession(parts: PostgresSessionOptions): PostgresSession {
  const { options, setup, onNotification, onOpen, onLost, check, everyMs, answerMs, lostMessage, log } =
    parts;
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> = Promise.resolve();
  let stopped = false;

  function lost(of: Client): void {
    if (client !== of) return;
    client = undefined;
    onLost?.();
    of.end().catch(() => {});
  }

  async function open(): Promise<Client> {
    // A pool does not show its password to those that copy its options.
    const { password, ssl } = options;
    const limits = { connectionTimeoutMillis: answerMs, query_timeout: answerMs };
    const opened = new pg.Client({ ...options, password, ssl, ...limits });
    opened.on('error', () => lost(opened));
    opened.on('end', () => lost(opened));
    opened.on('notification', onNotification);
    try {
      await opened.connect();
      await opened.query(setup);
    } catch (error) {
      opened.end().catch(() => {});
      throw error;
    }
    client = opened;
    onOpen?.();
    return opened;
  }

  async function look(): Promise<void> {
    const current = client ?? (await open());
    await check(current).catch((error) => {
      lost(current);
      throw error;
    });
  }

  function run(): Promise<void> {
    turn = look()
      .catch((error) => log.debug({ err: error }, lostMessage))
      .then(() => {
        if (!stopped) timer = setTimeout(run, everyMs);
      });
    return turn;
  }

  return {
    get client() {
      return client;
    },
    start: run,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await turn;
      const ended = client;
      client = undefined;
      // A server that stands still does not close its end.
      await Promise.race([ended?.end().catch(() => {}), sleep(answerMs, undefined, { ref: false })]);
    },
  };
}
