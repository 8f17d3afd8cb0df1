import type { ClientTransaction } from '../transaction/transaction.ts';
import type { Target } from './target.ts';

/** One copy of the request on its way to one target. */
export class Branch {
  readonly target: Target;
  readonly maxBreadth: number;
  /** Absent while the flow is looked up, and when there was none. */
  client: ClientTransaction | undefined;
  /** Any 1xx came, 100 as well. */
  proceeding = false;
  #ended = false;
  #timerC: NodeJS.Timeout | undefined;

  constructor(target: Target, maxBreadth: number) {
    this.target = target;
    this.maxBreadth = maxBreadth;
  }

  /** It has its final response. */
  get ended(): boolean {
    return this.#ended;
  }

  /** False when it had ended before. */
  end(): boolean {
    if (this.#ended) return false;
    clearTimeout(this.#timerC);
    this.#ended = true;
    return true;
  }

  /** RFC 3261 16.6 step 11. Node keeps timers of one duration in one queue, so that this costs next to nothing. */
  startTimerC(milliseconds: number, onExpiry: () => void): void {
    this.#timerC = setTimeout(onExpiry, milliseconds).unref();
  }

  /** RFC 3261 16.7 step 2. */
  restartTimerC(): void {
    if (!this.#ended) this.#timerC?.refresh();
  }
}
