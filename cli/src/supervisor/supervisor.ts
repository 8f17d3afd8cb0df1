import { Keeper } from './keeper.ts';
import type { Part } from './part.ts';

export interface SupervisorOptions {
  parts: Part[];
  say(line: string): void;
  /** Called with the pids of all parts that run, whenever they change. */
  onPids?(pids: Record<string, number>): void;
}

const STILL_WAITING_MS = 5_000;

/** Starts parts as soon as what they need serves, keeps them alive, and stops them in their order. */
export class Supervisor {
  readonly #keepers: Map<string, Keeper>;
  readonly #say: (line: string) => void;
  readonly #waiting: Set<string>;
  #stopped: Promise<void> | undefined;

  constructor({ parts, say, onPids }: SupervisorOptions) {
    const events = { say, onChange: () => onPids?.(this.pids()) };
    this.#keepers = new Map(parts.map((part) => [part.name, new Keeper(part, events)]));
    this.#waiting = new Set(this.#keepers.keys());
    this.#say = say;
  }

  pids(): Record<string, number> {
    const pids: Record<string, number> = {};
    for (const [name, { pid }] of this.#keepers) if (pid !== undefined) pids[name] = pid;
    return pids;
  }

  /** Resolves when all parts serve. Rejects when one will not: what did start goes on until `stop`. */
  async start(): Promise<void> {
    const impatience = setInterval(() => this.#sayWaiting(), STILL_WAITING_MS);
    try {
      await Promise.all([...this.#keepers.keys()].map((name) => this.#startInTurn(name)));
    } finally {
      clearInterval(impatience);
    }
  }

  /** Resolves when this part first serves. */
  ready(name: string): Promise<void> {
    return this.#keeper(name).ready;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stopInOrder();
    return this.#stopped;
  }

  async #startInTurn(name: string): Promise<void> {
    const keeper = this.#keeper(name);
    await Promise.all(keeper.part.startsAfter.map((other) => this.ready(other)));
    keeper.start();
    await keeper.ready;
    this.#waiting.delete(name);
  }

  async #stopInOrder(): Promise<void> {
    const stops = new Map<string, Promise<void>>();
    const stop = (name: string): Promise<void> => {
      const known = stops.get(name) ?? stopAfterOthers(this.#keeper(name), stop);
      stops.set(name, known);
      return known;
    };
    await Promise.all([...this.#keepers.keys()].map(stop));
  }

  #sayWaiting(): void {
    const waiting = [...this.#waiting].map((name) => `${name} (${this.#keeper(name).lack ?? 'ready'})`);
    this.#say(`still waiting for ${waiting.join(', ')}`);
  }

  #keeper(name: string): Keeper {
    const keeper = this.#keepers.get(name);
    if (keeper === undefined) throw new Error(`there is no part "${name}"`);
    return keeper;
  }
}

async function stopAfterOthers(keeper: Keeper, stop: (name: string) => Promise<void>): Promise<void> {
  await Promise.all(keeper.part.stopsAfter.map(stop));
  await keeper.stop();
}
