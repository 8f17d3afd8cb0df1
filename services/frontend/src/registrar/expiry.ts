/** Calls back for a name once its time has come. Thousands of names share one timer; a name may be set again at will. */
export interface Expiry {
  /** `at`: milliseconds since the epoch. An earlier time that was set before stays set. */
  set(name: string, at: number): void;
  stop(): void;
}

const SLOT_MS = 1000;

/** A wheel with a slot for each second: to set costs the same for one name as for a hundred thousand. */
export function createExpiry(onDue: (name: string) => void, now: () => number = Date.now): Expiry {
  const slots = new Map<number, Set<string>>();
  let turned = Math.floor(now() / SLOT_MS);

  // What is due within a second is due when that second has passed, never before.
  const slotOf = (at: number) => Math.max(Math.floor(at / SLOT_MS) + 1, turned + 1);

  function turn(): void {
    const until = Math.floor(now() / SLOT_MS);
    while (turned < until) {
      turned++;
      const due = slots.get(turned);
      slots.delete(turned);
      for (const name of due ?? []) onDue(name);
    }
  }

  const timer = setInterval(turn, SLOT_MS / 2).unref();
  return {
    set(name, at) {
      const slot = slotOf(at);
      const names = slots.get(slot);
      if (names) names.add(name);
      else slots.set(slot, new Set([name]));
    },
    stop: () => clearInterval(timer),
  };
}
