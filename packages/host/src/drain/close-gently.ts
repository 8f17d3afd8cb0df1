import { setTimeout as sleep } from 'node:timers/promises';
import type { Draining } from './drain.ts';

/** Where the time comes from; tests have their own. */
export interface ClosingClock {
  /** Milliseconds. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** 0 to 1. */
  random(): number;
}

export interface Closing<C> {
  /** Those that are open at this moment; new ones may come while others are closed. */
  open(): Iterable<C>;
  /** Tells which have something under way at this moment; asked some twenty times a second at most. */
  busy(): (connection: C) => boolean;
  close(connection: C): void;
  /** Takes no new ones from now on. Called once, a moment after the beginning: until then load balancers may still send some. */
  refuse(): void;
  /** At most so many, 200: each of them comes back to another pod within a moment. */
  perSecond?: number;
  clock?: ClosingClock;
}

const PER_SECOND = 200;
/** A handful is not worth a long farewell. */
const AT_LEAST_PER_SECOND = 10;
const TICK_MS = 50;
/** A drain that is shorter is none of a pod behind a load balancer. */
const SHORT_MS = 10_000;
const MOST_ACCEPT_MS = 5_000;

const systemClock: ClosingClock = {
  now: () => performance.now(),
  sleep: (ms) => sleep(ms),
  random: Math.random,
};

/**
 * Closes connections one by one, in no order, so that their clients do not all come back to the other pods at once: spread over a
 * third of the drain's time, at most `perSecond` of them. One with something under way waits for the end of it, but not beyond
 * two thirds of the time; where there are too many to be closed by then they are closed faster. After five sixths none is open:
 * the rest of the time belongs to what the clients' other ends still have to hear. Resolves then, or when the drain is over.
 */
export async function closeGently<C>(
  { limitMs, signal }: Pick<Draining, 'limitMs' | 'signal'>,
  { open, busy, close, refuse, perSecond = PER_SECOND, clock = systemClock }: Closing<C>,
): Promise<void> {
  const began = clock.now();
  const patientUntil = began + (limitMs * 2) / 3;
  const allUntil = began + (limitMs * 5) / 6;
  const acceptUntil = began + (limitMs < SHORT_MS ? 0 : Math.min(limitMs / 10, MOST_ACCEPT_MS));
  const line = createLine(open, clock.random);
  let refused = false;
  let pace = AT_LEAST_PER_SECOND;
  let credit = 0;
  for (let before = began; !signal.aborted; ) {
    const now = clock.now();
    if (!refused && now >= acceptUntil) {
      refused = true;
      refuse();
    }
    const left = line.look();
    if (left === 0 && refused) return;
    // Those that came meanwhile make it faster, those that went do not make it slower.
    pace = Math.max(pace, Math.min(perSecond, left / (limitMs / 3000)));
    const patient = now < patientUntil;
    const needed = (left / Math.max(TICK_MS, (patient ? patientUntil : allUntil) - now)) * 1000;
    credit += ((needed > perSecond || !patient ? Math.max(needed, pace) : pace) * (now - before)) / 1000;
    before = now;
    for (const connection of line.take(Math.floor(credit), patient ? busy() : () => false)) {
      close(connection);
      credit--;
    }
    credit = Math.min(credit, 1);
    await clock.sleep(TICK_MS * (0.5 + clock.random()));
  }
}

/** All open ones, in no order. */
function createLine<C>(open: () => Iterable<C>, random: () => number) {
  let waiting: C[] = [];
  return {
    /** Looks again who is open; returns how many are. */
    look(): number {
      const now = new Set(open());
      const known = waiting.filter((connection) => now.delete(connection));
      waiting = known;
      for (const newcomer of now) insertAnywhere(waiting, newcomer, random);
      return waiting.length;
    },
    take(count: number, isBusy: (connection: C) => boolean): C[] {
      const taken: C[] = [];
      const passed: C[] = [];
      while (taken.length < count && waiting.length > 0) {
        const connection = waiting.pop() as C;
        (isBusy(connection) ? passed : taken).push(connection);
      }
      waiting = [...passed, ...waiting];
      return taken;
    },
  };
}

function insertAnywhere<C>(list: C[], item: C, random: () => number): void {
  const at = Math.floor(random() * (list.length + 1));
  list.push(item);
  [list[at], list[list.length - 1]] = [item, list[at] as C];
}
