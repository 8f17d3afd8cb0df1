// One CMS pod hands the configuration to NATS, the others stand by. Who it is PostgreSQL decides, by an advisory lock that a
// session holds for as long as it lasts.
import type { Logger } from '@linchpin/host';
import pg, { type Client, type Notification, type PoolConfig } from 'pg';
import { CHANNEL, LOCK } from '../locks.ts';

/** How often a standby tries, and the active one sees whether PostgreSQL still knows it. */
const LOOK_MS = 400;
const ANSWER_MS = 2_000;
/** Who has lost its session lets the others try first: what broke it may break the next one too. */
const STAND_BACK_MS = 1_000;
// PostgreSQL must notice too: a pod whose machine is gone, or that stands still, says no more, and must not keep the lock.
const NOTICE = `
  SET idle_session_timeout = '3s';
  SET tcp_keepalives_idle = 2; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 2; SET tcp_user_timeout = '4s';
  LISTEN ${CHANNEL.stored}; LISTEN ${CHANNEL.handedOver}`;

export interface SessionParts {
  /** Where PostgreSQL is. */
  options: PoolConfig;
  onActive(active: boolean): void;
  onStored(version: number): void;
  onHandedOver(version: number): void;
  log: Logger;
}

export interface Session {
  readonly active: boolean;
  /** Resolves when the first attempt to become the active one is over. */
  start(): Promise<void>;
  /** To the other pods. Lost where PostgreSQL is away: they look by themselves every few seconds. */
  handedOver(version: number): void;
  /** Gives the lock away. */
  stop(): Promise<void>;
}

export function createSession({ options, onActive, onStored, onHandedOver, log }: SessionParts): Session {
  let client: Client | undefined;
  let active = false;
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> = Promise.resolve();
  let notBefore = 0;
  let stopped = false;

  function setActive(now: boolean): void {
    if (active === now) return;
    active = now;
    log.info(
      { active },
      active ? 'this pod hands the configuration to NATS' : 'another pod may hand over now',
    );
    onActive(active);
  }

  // The session is what holds the lock, so with its end the lock is lost, whatever ended it.
  function lost(of: Client): void {
    if (client !== of) return;
    client = undefined;
    if (active) notBefore = performance.now() + STAND_BACK_MS;
    setActive(false);
    of.end().catch(() => {});
  }

  async function open(): Promise<Client> {
    // A pool does not show its password to those that copy its options.
    const { password, ssl } = options;
    const limits = { connectionTimeoutMillis: ANSWER_MS, query_timeout: ANSWER_MS };
    const opened = new pg.Client({ ...options, password, ssl, ...limits });
    opened.on('error', () => lost(opened));
    opened.on('end', () => lost(opened));
    opened.on('notification', heard);
    try {
      await opened.connect();
      await opened.query(NOTICE);
    } catch (error) {
      opened.end().catch(() => {});
      throw error;
    }
    client = opened;
    return opened;
  }

  function heard({ channel, payload }: Notification): void {
    const version = Number(payload);
    if (channel === CHANNEL.stored) onStored(version);
    else if (channel === CHANNEL.handedOver) onHandedOver(version);
  }

  async function look(): Promise<void> {
    const current = client ?? (await open());
    try {
      if (active) await current.query('SELECT 1');
      else if (performance.now() >= notBefore) await take(current);
    } catch (error) {
      lost(current);
      throw error;
    }
  }

  async function take(current: Client): Promise<void> {
    const { rows } = await current.query('SELECT pg_try_advisory_lock($1) AS taken', [LOCK.active]);
    if (client === current && !stopped) setActive(rows[0].taken);
  }

  function next(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      turn = look()
        .catch((error) => log.debug({ err: error }, 'no session to hand over in'))
        .then(next);
    }, LOOK_MS);
  }

  return {
    get active() {
      return active;
    },
    start() {
      turn = look()
        .catch(() => {})
        .then(next);
      return turn;
    },
    handedOver(version) {
      client?.query('SELECT pg_notify($1, $2)', [CHANNEL.handedOver, String(version)]).catch(() => {});
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await turn;
      setActive(false);
      const ended = client;
      client = undefined;
      await ended?.end().catch(() => {});
    },
  };
}
