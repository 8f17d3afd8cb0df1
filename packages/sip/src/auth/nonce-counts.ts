import type { NonceState } from './nonces.ts';

/** Counts that arrive out of order over UDP are taken when they are less than this behind the highest. */
const WINDOW = 32;

interface Used {
  issuedAt: number;
  highest: number;
  /** Bit i is set when `highest - i` was used. */
  seen: number;
  /** Used without qop, so good for nothing more. */
  once: boolean;
}

export interface NonceCounts {
  use(id: string, issuedAt: number, nc: number, now: number): NonceState;
}

/** Remembers which counts of which nonces were used, for as long as the nonces are good; `lifetime` in ms. */
export function createNonceCounts(capacity: number, lifetime: number): NonceCounts {
  const nonces = new Map<string, Used>(); // in order of first use
  // What is forgotten to save memory must not be taken again: nonces as old as the newest of those are stale.
  let forgottenUntil = Number.NEGATIVE_INFINITY;

  function use(id: string, issuedAt: number, nc: number, now: number): NonceState {
    const known = nonces.get(id);
    if (known !== undefined) return useAgain(known, nc);
    if (issuedAt <= forgottenUntil) return 'stale';
    makeRoom(now);
    nonces.set(id, { issuedAt, highest: nc, seen: 1, once: nc === 0 });
    return 'ok';
  }

  function makeRoom(now: number): void {
    for (const [id, { issuedAt }] of nonces) {
      const expired = issuedAt + lifetime < now;
      if (!expired && nonces.size < capacity) return;
      if (!expired) forgottenUntil = Math.max(forgottenUntil, issuedAt);
      nonces.delete(id);
    }
  }

  return { use };
}

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
