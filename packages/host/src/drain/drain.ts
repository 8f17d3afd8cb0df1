import type { Logger } from '../log.ts';

/** What still keeps a pod, by what it is: `{ groups: 3, connections: 120 }`. */
export type Remaining = Record<string, number>;

export interface DrainReport {
  /** `forced`: the time was over, it was cut short, or the role could not drain. */
  state: 'draining' | 'done' | 'forced';
  /** Without zeroes. */
  remaining: Remaining;
  /** RFC 3339. */
  startedAt: string;
  elapsedSeconds: number;
  limitSeconds: number;
}

/** What a role gets that drains. */
export interface Draining {
  /** Milliseconds from the beginning after which everything that is left is closed. */
  readonly limitMs: number;
  /** Aborted when the drain is over, also when nothing was left. */
  readonly signal: AbortSignal;
  /** How what remains is counted; asked whenever somebody looks, so it must be cheap. Zeroes say that nothing is left. */
  count(read: () => Remaining): void;
  /** Resolves when all counts are 0, or the drain is over. */
  idle(): Promise<void>;
  report(): DrainReport;
  /** About once a second for as long as the drain lasts. */
  onProgress(listener: (report: DrainReport) => void): void;
}

/** The one drain of a process. */
export interface Drain {
  /** Undefined until it has begun. */
  report(): DrainReport | undefined;
  /** Begins, or joins the one that is under way. Resolves when nothing is left, or the time is over. Never rejects. */
  begin(why: string): Promise<void>;
  /** Resolves when a drain, begun by whomever, is over. */
  readonly over: Promise<void>;
  /** Ends the one that is under way, whatever is left. */
  cut(): void;
  /** Once a second, and when it is over. Returns the way to stop. */
  onProgress(listener: (report: DrainReport) => void): () => void;
}

export interface DrainOptions {
  limitMs: number;
  log: Logger;
  /** Takes the pod out of its Service. */
  enter(): void;
  /** What the role does; the time limit is kept here. */
  run(draining: Draining): Promise<void>;
}

const PROGRESS_MS = 1_000;
const IDLE_POLL_MS = 50;
const LOG_EVERY = 5;

export function createDrain(options: DrainOptions): Drain {
  const over = Promise.withResolvers<void>();
  const listeners = new Set<(report: DrainReport) => void>();
  let running: RunningDrain | undefined;

  async function run(why: string, drain: RunningDrain): Promise<void> {
    options.enter();
    options.log.info({ why, limitMs: options.limitMs }, 'draining');
    await drain.finish();
    over.resolve();
  }

  return {
    report: () => running?.report(),
    begin(why) {
      if (running === undefined) {
        running = new RunningDrain(options, listeners);
        void run(why, running);
      }
      return over.promise;
    },
    over: over.promise,
    cut: () => running?.cut(),
    onProgress(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

class RunningDrain implements Draining {
  readonly limitMs: number;
  readonly #options: DrainOptions;
  readonly #listeners: Set<(report: DrainReport) => void>;
  readonly #ending = new AbortController();
  readonly #startedAt = new Date().toISOString();
  readonly #began = performance.now();
  #state: DrainReport['state'] = 'draining';
  #failed = false;
  #read: () => Remaining = () => ({});
  #told = 0;
  /** What was left when it was over: afterwards the role is closed. */
  #left: Remaining | undefined;
  #elapsedMs: number | undefined;

  constructor(options: DrainOptions, listeners: Set<(report: DrainReport) => void>) {
    this.limitMs = options.limitMs;
    this.#options = options;
    this.#listeners = listeners;
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Runs the role's part, as long as it may. */
  async finish(): Promise<void> {
    const progress = setInterval(() => this.#progress(), PROGRESS_MS);
    const limit = setTimeout(() => this.cut(), this.limitMs);
    await Promise.race([this.#run(), this.#cut()]);
    clearTimeout(limit);
    clearInterval(progress);
    this.#end(this.signal.aborted || this.#failed ? 'forced' : 'done');
  }

  count(read: () => Remaining): void {
    this.#read = read;
  }

  async idle(): Promise<void> {
    while (!this.signal.aborted && Object.keys(this.#remaining()).length > 0) await wait(IDLE_POLL_MS);
  }

  report(): DrainReport {
    return {
      state: this.#state,
      remaining: this.#remaining(),
      startedAt: this.#startedAt,
      elapsedSeconds: (this.#elapsedMs ?? performance.now() - this.#began) / 1000,
      limitSeconds: this.limitMs / 1000,
    };
  }

  onProgress(listener: (report: DrainReport) => void): void {
    this.#listeners.add(listener);
  }

  cut(): void {
    this.#ending.abort();
  }

  #run(): Promise<void> {
    return this.#options.run(this).catch((error) => {
      this.#failed = true;
      this.#options.log.error({ err: error }, 'drain failed');
    });
  }

  #cut(): Promise<void> {
    return new Promise((resolve) => this.signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  #end(state: DrainReport['state']): void {
    this.#left = this.#remaining();
    this.#elapsedMs = performance.now() - this.#began;
    this.#state = state;
    this.#ending.abort();
    const { log, limitMs } = this.#options;
    if (state === 'forced' && !this.#failed)
      log.warn({ limitMs, remaining: this.#left }, 'drain took too long');
    this.#tell();
  }

  #progress(): void {
    if (++this.#told % LOG_EVERY === 0) this.#options.log.info(this.report(), 'still draining');
    this.#tell();
  }

  #tell(): void {
    const report = this.report();
    for (const listener of this.#listeners) listener(report);
  }

  #remaining(): Remaining {
    if (this.#left !== undefined) return this.#left;
    return Object.fromEntries(Object.entries(this.#read()).filter(([, count]) => count > 0));
  }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
