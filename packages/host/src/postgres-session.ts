// One connection to PostgreSQL beside the pool, for what belongs to a session: notifications, and locks that end with it.
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
  /** The first statements, such as LISTEN. */
  begin: string;
  onNotification(notification: Notification): void;
  onOpen?(): void;
  onLost?(): void;
  /** Run every `everyMs`; the session is lost when it rejects. */
  check(client: Client): Promise<unknown>;
  everyMs: number;
  /** PostgreSQL counts as away after so many milliseconds without an answer. */
  answerMs: number;
  /** What it means to have none. */
  without: string;
  log: Pick<Logger, 'debug'>;
}

export function createPostgresSession(parts: PostgresSessionOptions): PostgresSession {
  const { options, begin, onNotification, onOpen, onLost, check, everyMs, answerMs, without, log } = parts;
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
      await opened.query(begin);
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
      .catch((error) => log.debug({ err: error }, without))
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
      await ended?.end().catch(() => {});
    },
  };
}
