// One CMS pod hands the configuration to NATS, the others stand by. Who it is PostgreSQL decides, by an advisory lock that a
// session holds for as long as it lasts.
import { createPostgresSession, type Logger } from '@linchpin/host';
import type { Client, PoolConfig } from 'pg';
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
  let active = false;
  let notBefore = 0;
  let stopped = false;
  const session = createPostgresSession({
    ...{ options, log, check, setup: NOTICE, everyMs: LOOK_MS, answerMs: ANSWER_MS },
    onNotification({ channel, payload }) {
      const version = Number(payload);
      if (channel === CHANNEL.stored) onStored(version);
      else if (channel === CHANNEL.handedOver) onHandedOver(version);
    },
    // The session is what holds the lock, so with its end the lock is lost, whatever ended it.
    onLost() {
      if (active) notBefore = performance.now() + STAND_BACK_MS;
      setActive(false);
    },
    lostMessage: 'no session to hand over in',
  });

  function setActive(now: boolean): void {
    if (active === now) return;
    active = now;
    log.info(
      { active },
      active ? 'this pod hands the configuration to NATS' : 'another pod may hand over now',
    );
    onActive(active);
  }

  async function check(client: Client): Promise<void> {
    if (active) await client.query('SELECT 1');
    else if (performance.now() >= notBefore) await take(client);
  }

  async function take(client: Client): Promise<void> {
    const { rows } = await client.query('SELECT pg_try_advisory_lock($1) AS taken', [LOCK.active]);
    if (session.client === client && !stopped) setActive(rows[0].taken);
  }

  return {
    get active() {
      return active;
    },
    start: session.start,
    handedOver(version) {
      session.client
        ?.query('SELECT pg_notify($1, $2)', [CHANNEL.handedOver, String(version)])
        .catch(() => {});
    },
    async stop() {
      stopped = true;
      const ended = session.stop();
      setActive(false);
      await ended;
    },
  };
}
