// One listener of a room: it takes what it is given in its own time, and not more than it can hold.
import type { Logger } from '@linchpin/host';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import type { Caller, Participant, RoomListener } from '../chat.ts';

/** Events that a session that is busy may have before it. */
export const MAX_WAITING = 1_000;
/** Of these most are part of what it is given when it joins. */
const MAX_WAITING_TO_JOIN = 20_000;

interface Roster {
  roster: readonly Participant[] | undefined;
}
type Told = readonly ChatEvent[] | Roster;

export interface Session {
  readonly caller: Caller;
  readonly member: string;
  /** Waits until `start`. */
  give(events: readonly ChatEvent[]): void;
  giveRoster(roster: readonly Participant[] | undefined): void;
  /** It knows everything up to this number from elsewhere, and hears from now on what comes after it. */
  start(after: number): void;
  /** Told once; nothing comes after it. */
  end(why: string): void;
  /** The same without a word. */
  close(): void;
}

export interface SessionOptions {
  caller: Caller;
  member: string;
  listener: RoomListener;
  /** It has to be ended for this reason. */
  onFailed(session: Session, why: string): void;
  log: Logger;
}

export const createSession = (options: SessionOptions): Session => new OpenSession(options);

// A pod has hundreds of thousands of them: a class, for closures would be ten times as large.
class OpenSession implements Session {
  readonly caller: Caller;
  readonly member: string;
  readonly #listener: RoomListener;
  readonly #onFailed: SessionOptions['onFailed'];
  readonly #log: Logger;
  /** Undefined where nothing waits, as nearly always. */
  #waiting: Told[] | undefined;
  #count = 0;
  #after = 0;
  #state: 'pending' | 'free' | 'busy' | 'over' = 'pending';

  constructor({ caller, member, listener, onFailed, log }: SessionOptions) {
    this.caller = caller;
    this.member = member;
    this.#listener = listener;
    this.#onFailed = onFailed;
    this.#log = log;
  }

  give(events: readonly ChatEvent[]): void {
    this.#take(events);
  }

  giveRoster(roster: readonly Participant[] | undefined): void {
    this.#take({ roster });
  }

  start(seq: number): void {
    this.#after = seq;
    this.#waiting = this.#waiting?.filter((told) => isRoster(told) || (told.at(-1)?.seq ?? 0) > seq);
    this.#count = (this.#waiting ?? []).reduce((sum, told) => sum + sizeOf(told), 0);
    if (this.#state === 'pending') this.#free();
  }

  end(why: string): void {
    if (this.#state === 'over') return;
    this.close();
    try {
      this.#listener.onEnded(why);
    } catch (error) {
      this.#log.warn({ err: error, member: this.member }, 'a session could not be told that it is over');
    }
  }

  close(): void {
    this.#state = 'over';
    this.#waiting = undefined;
  }

  #take(told: Told): void {
    if (this.#state === 'over') return;
    if (this.#state !== 'free') return this.#push(told);
    try {
      this.#tell(told);
    } catch (error) {
      this.#failed(error);
    }
  }

  #push(told: Told): void {
    this.#waiting ??= [];
    this.#waiting.push(told);
    this.#count += sizeOf(told);
    const limit = this.#state === 'pending' ? MAX_WAITING_TO_JOIN : MAX_WAITING;
    if (this.#count > limit) this.#onFailed(this, 'lagging');
  }

  #tell(told: Told): void {
    if (isRoster(told)) return this.#listener.onRoster?.(told.roster);
    // Mostly all of them are new.
    const after = this.#after;
    const [first] = told;
    const events = first && first.seq > after ? told : told.filter(({ seq }) => seq > after);
    if (events.length === 0) return;
    const taken = this.#listener.onEvents(events);
    if (taken === undefined) return;
    this.#state = 'busy';
    taken.then(
      () => this.#free(),
      (error) => this.#failed(error),
    );
  }

  #free(): void {
    if (this.#state === 'over') return;
    this.#state = 'free';
    try {
      for (let told = this.#next(); told !== undefined; told = this.#next()) this.#tell(told);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** What it is told next, if it can take something. */
  #next(): Told | undefined {
    if (this.#state !== 'free') return undefined;
    const told = this.#waiting?.shift();
    if (told === undefined) this.#waiting = undefined;
    else this.#count -= sizeOf(told);
    return told;
  }

  #failed(error: unknown): void {
    if (this.#state === 'over') return;
    this.#log.warn(
      { err: error, member: this.member },
      'a session could not be told what happened in its room',
    );
    this.#onFailed(this, 'lagging');
  }
}

const isRoster = (told: Told): told is Roster => !Array.isArray(told);

/** Events; a roster counts as one. */
const sizeOf = (told: Told): number => (isRoster(told) ? 1 : told.length);
