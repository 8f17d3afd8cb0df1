// What is stored for others to act on at a time needs one clock. NATS has it: it says when it stored our heartbeats.
import type { Log } from '../replica.ts';

/** A difference that people's watches have too: no reason to move anything. */
const TOLERANCE_MS = 2_000;

export interface PoolClock {
  /** Milliseconds since the epoch, by this machine's clock where it is right, else by that of NATS. */
  now(): number;
  /** NATS stored at `storedAt` (its own epoch milliseconds) what left here `ageMs` ago. */
  observed(storedAt: number, ageMs: number): void;
}

export interface PoolClockOptions {
  log: Log;
  /** Milliseconds that NATS is ahead of this machine, 0 while they agree; called when that changes. */
  onOffset?: ((offset: number) => void) | undefined;
  wallClock?: () => number;
}

export function createPoolClock({ log, onOffset, wallClock = Date.now }: PoolClockOptions): PoolClock {
  let offset = 0;

  function move(next: number): void {
    offset = next;
    const seconds = Math.round(next / 1000);
    if (next === 0) log.info({}, 'the clock of this machine agrees with that of NATS again');
    else
      log.warn(
        { seconds },
        'the clock of this machine is wrong by so much, NATS has another: synchronise it',
      );
    onOffset?.(next);
  }

  return {
    now: () => wallClock() + offset,
    observed(storedAt, ageMs) {
      // It was stored some time between then and now.
      const ahead = Math.round(storedAt - (wallClock() - ageMs / 2));
      const margin = TOLERANCE_MS + ageMs / 2;
      if (Math.abs(ahead) <= margin) {
        if (offset !== 0) move(0);
      } else if (Math.abs(ahead - offset) > margin) move(ahead);
    },
  };
}
