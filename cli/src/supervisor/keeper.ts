import { setTimeout as wait } from 'node:timers/promises';
import { createBackOff } from './backoff.ts';
import { describeExit, type Exit, type Part, type Running } from './part.ts';

export interface KeeperEvents {
  say(line: string): void;
  /** A process started or ended: the pids changed. */
  onChange(): void;
}

/** As many starts in a row may fail before the part first was ready. */
const FIRST_ATTEMPTS = 5;
const READY_POLL_MS = 50;

/** Keeps one part alive: starts it, starts it again with back-off when it ends, until it is told to stop. */
export class Keeper {
  readonly part: Part;
  readonly #events: KeeperEvents;
  readonly #stopping = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  #running: Running | undefined;
  #life: Promise<void> = Promise.resolve();
  #wasReady = false;
  #attempts = 0;
  #lack: string | undefined = 'not started';

  constructor(part: Part, events: KeeperEvents) {
    this.part = part;
    this.#events = events;
    // Whoever waits for it hears of it; nobody need.
    this.#ready.promise.catch(() => {});
  }

  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /** Why it does not serve yet. */
  get lack(): string | undefined {
    return this.#lack;
  }

  /** Resolves when the part first serves, rejects when it will not. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  start(): void {
    if (!this.#stopping.signal.aborted) this.#life = this.#live();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#ready.reject(new Error(`${this.part.name} was stopped`));
    await this.#running?.stop();
    await this.#life;
  }

  async #live(): Promise<void> {
    const backOff = createBackOff();
    while (!this.#stopping.signal.aborted) {
      const began = Date.now();
      const ending = await this.#runOnce();
      if (this.#stopping.signal.aborted) return;
      if (this.#hopeless(ending)) return this.#giveUp(ending);
      const delay = backOff.next(Date.now() - began);
      this.#events.say(`${this.part.name} ended (${ending.why}); starting it again in ${delay} ms`);
      await wait(delay, undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
  }

  async #runOnce(): Promise<Ending> {
    this.#attempts++;
    try {
      this.#running = await this.part.start();
    } catch (error) {
      return { why: (error as Error).message, error: error as Error };
    }
    this.#events.onChange();
    // Told to end while it was starting: `stop` had nothing in its hands yet.
    if (this.#stopping.signal.aborted) void this.#running.stop();
    const exit = await this.#serve(this.#running);
    this.#running = undefined;
    this.#events.onChange();
    return { why: describeExit(exit), exit };
  }

  async #serve({ exited }: Running): Promise<Exit> {
    let over = this.#stopping.signal.aborted;
    exited.then(() => {
      over = true;
    });
    while (!over && (await this.#stillLacks())) await wait(READY_POLL_MS);
    if (!over) this.#serves();
    return exited;
  }

  async #stillLacks(): Promise<boolean> {
    this.#lack = await this.part.lacks();
    return this.#lack !== undefined;
  }

  #serves(): void {
    this.#wasReady = true;
    this.#ready.resolve();
  }

  #hopeless({ error, exit }: Ending): boolean {
    if (this.#wasReady) return false;
    if (error !== undefined || this.#attempts >= FIRST_ATTEMPTS) return true;
    return this.part.fatalExits?.includes(exit?.code ?? -1) ?? false;
  }

  #giveUp({ why, error }: Ending): void {
    this.#ready.reject(error ?? new Error(`${this.part.name} does not start (${why}); its log says more`));
  }
}

interface Ending {
  why: string;
  exit?: Exit;
  error?: Error;
}
