type Phase = 'starting' | 'running' | 'draining';

/** `not-ready` takes the pod out of its Service, `degraded` only shows: a lost neighbour shared by all pods must not empty the Service. */
export type Effect = 'degraded' | 'not-ready';

export interface Health {
  readonly live: boolean;
  readonly ready: boolean;
  readonly started: boolean;
  /** 'ready' | 'starting' | 'draining' | 'degraded: <why>' */
  readonly state: string;
  set(check: string, ok: boolean, why?: string, effect?: Effect): void;
  enter(phase: Phase): void;
  /** Called with `ready` after each change of it. Returns the way to stop. */
  onReady(listener: (ready: boolean) => void): () => void;
}

export function createHealth(): Health {
  const failing = new Map<string, { why: string; effect: Effect }>();
  const listeners = new Set<(ready: boolean) => void>();
  let phase: Phase = 'starting';
  let lastReady = false;

  const isReady = () =>
    phase === 'running' && ![...failing.values()].some((failure) => failure.effect === 'not-ready');

  function announce(): void {
    const ready = isReady();
    if (ready === lastReady) return;
    lastReady = ready;
    for (const listener of listeners) listener(ready);
  }

  function describe(): string {
    if (phase !== 'running') return phase;
    if (failing.size === 0) return 'ready';
    return `degraded: ${[...failing].map(([check, { why }]) => `${check}: ${why}`).join('; ')}`;
  }

  return {
    // A process that answers is alive: what a restart cannot mend must not cause one.
    live: true,
    get ready() {
      return isReady();
    },
    get started() {
      return phase !== 'starting';
    },
    get state() {
      return describe();
    },
    set(check, ok, why = 'failing', effect = 'degraded') {
      if (ok) failing.delete(check);
      else failing.set(check, { why, effect });
      announce();
    },
    enter(next) {
      phase = next;
      announce();
    },
    onReady(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
