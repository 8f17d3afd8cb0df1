// Who is alive, without anybody's wall clock. The watch of a bucket delivers in the order in which NATS stored, so a
// heartbeat of ours that comes back says that everything stored before it has been seen. A member of whom nothing came
// for too long until then has not spoken; one who is merely not heard, because this process slept or NATS was away,
// does not die, since our own heartbeats do not come back either.

export interface Liveness {
  /** What was seen before counts from now: a new watch begins. */
  restart(now: number): void;
  /**
   * A record of a member has come; `sign` is another with each heartbeat. False: it is the last one of who has been
   * declared dead, which every new watch delivers again.
   */
  observed(key: string, sign: string, now: number): boolean;
  removed(key: string): void;
  /** A heartbeat of our own has come back that was sent at `sentAt`. Returns who is dead from now on. */
  heard(sentAt: number, now: number): string[];
}

export interface LivenessTiming {
  /** Who has sent nothing for so long is dead. */
  takeoverMs: number;
  /** Who was not heard itself for so long judges nobody by that time. */
  leaseMs: number;
}

/** All times are of `performance.now()`, of this process alone. */
export function createLiveness({ takeoverMs, leaseMs }: LivenessTiming): Liveness {
  const seen = new Map<string, { sign: string; at: number }>();
  const corpses = new Map<string, string>();
  let lastHeard: number | undefined;

  function restart(now: number): void {
    for (const member of seen.values()) member.at = now;
    lastHeard = now;
  }

  function bury(key: string, sign: string): void {
    seen.delete(key);
    corpses.set(key, sign);
  }

  return {
    restart,
    observed(key, sign, now) {
      if (corpses.get(key) === sign) return false;
      corpses.delete(key);
      seen.set(key, { sign, at: now });
      return true;
    },
    removed(key) {
      seen.delete(key);
      corpses.delete(key);
    },
    heard(sentAt, now) {
      if (lastHeard === undefined || now - lastHeard > leaseMs) restart(now);
      lastHeard = now;
      const dead = [...seen].filter(([, { at }]) => sentAt - at > takeoverMs);
      for (const [key, { sign }] of dead) bury(key, sign);
      return dead.map(([key]) => key);
    },
  };
}
