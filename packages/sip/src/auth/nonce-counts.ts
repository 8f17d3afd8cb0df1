import type { NonceState } from './nonces.ts';

/** Counts that arrive out of order over UDP are taken when they are less than this behind the highest. */
const WINDOW = 32;

interface Used {
  highest: number;
  /** Bit i is set when `highest - i` was used. */
  seen: number;
  /** Used without qop, so good for nothing more. */
  once: boolean;
}

/** Nonces that were first used one after another, and are forgotten together. */
interface Generation {
  nonces: Map<string, Used>;
  beganAt: number;
  /** When the newest of them was issued. */
  newest: number;
}

export interface NonceCounts {
  use(id: string, issuedAt: number, nc: number, now: number): NonceState;
}

/**
 * Remembers which counts of which nonces were used, for as long as the nonces are good; `lifetime` in ms. Two generations
 * hold them: to take the oldest out of a Map one by one means to pass all the gaps of those before it, each time.
 */
export function createNonceCounts(capacity: number, lifetime: number): NonceCounts {
  let current = emptyGeneration(0);
  let previous = current;
  // What is forgotten to save memory must not be taken again: nonces as old as the newest of those are stale.
  let forgottenUntil = Number.NEGATIVE_INFINITY;

  function use(id: string, issuedAt: number, nc: number, now: number): NonceState {
    const known = current.nonces.get(id) ?? previous.nonces.get(id);
    if (known !== undefined) return useAgain(known, nc);
    if (issuedAt <= forgottenUntil) return 'stale';
    if (current.nonces.size >= capacity / 2 || current.beganAt + lifetime < now) turnOver(now);
    current.nonces.set(id, { highest: nc, seen: 1, once: nc === 0 });
    current.newest = Math.max(current.newest, issuedAt);
    return 'ok';
  }

  function turnOver(now: number): void {
    forgottenUntil = Math.max(forgottenUntil, previous.newest);
    previous = current;
    current = emptyGeneration(now);
  }

  return { use };
}

const emptyGeneration = (beganAt: number): Generation => ({
  nonces: new Map(),
  beganAt,
  newest: Number.NEGATIVE_INFINITY,
});

function useAgain(used: Used, nc: number): NonceState {
  if (used.once || nc === 0) return 'stale';
  const ahead = nc - used.highest;
  if (ahead > 0) return advance(used, nc, ahead);
  const bit = -ahead < WINDOW ? 1 << -ahead : 0;
  if (bit === 0 || (used.seen & bit) !== 0) return 'replayed';
  used.seen |= bit;
  return 'ok';
}

function advance(used: Used, nc: number, ahead: number): NonceState {
  used.seen = (ahead < WINDOW ? used.seen << ahead : 0) | 1;
  used.highest = nc;
  return 'ok';
}
