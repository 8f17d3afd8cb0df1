// One listener of a room: it takes what it is given in its own time, and not more than it can hold.
import type { Logger } from '@linchpin/host';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import type { Caller, Participant, RoomListener } from '../chat.ts';

/** Events that a session that is busy may have before it. */
export const MAX_WAITING = 1_000;
/** Of these most are part of what it is given when it joins. */
const MAX_WAITING_TO_JOIN = 20_000;

type Told = { events: readonly ChatEvent[] } | { roster: readonly Participant[] | undefined };

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

export function createSession({ caller, member, listener, onFailed, log }: SessionOptions): Session {
  let waiting: Told[] = [];
  let count = 0;
  let after = 0;
  let state: 'pending' | 'free' | 'busy' | 'over' = 'pending';

  function push(told: Told): void {
    waiting.push(told);
    count += 'events' in told ? told.events.length : 1;
    const limit = state === 'pending' ? MAX_WAITING_TO_JOIN : MAX_WAITING;
    if (count > limit) onFailed(session, 'lagging');
  }

  function tell(told: Told): void {
    if ('roster' in told) return listener.onRoster?.(told.roster);
    // Mostly all of them are new.
    const first = told.events[0];
    const events = first && first.seq > after ? told.events : told.events.filter(({ seq }) => seq > after);
    if (events.length === 0) return;
    const taken = listener.onEvents(events);
    if (taken === undefined) return;
    state = 'busy';
    taken.then(free, failed);
  }

  function free(): void {
    if (state === 'over') return;
    state = 'free';
    try {
      while (waiting.length > 0 && isFree()) {
        const told = waiting.shift() as Told;
        count -= 'events' in told ? told.events.length : 1;
        tell(told);
      }
    } catch (error) {
      failed(error);
    }
  }

  function failed(error: unknown): void {
    if (state === 'over') return;
    log.warn({ err: error, member }, 'a session could not be told what happened in its room');
    onFailed(session, 'lagging');
  }

  // What `tell` does to it is not seen by the compiler.
  const isFree = (): boolean => state === 'free';

  function take(told: Told): void {
    if (state === 'over') return;
    if (state !== 'free') return push(told);
    try {
      tell(told);
    } catch (error) {
      failed(error);
    }
  }

  const session: Session = {
    caller,
    member,
    give: (events) => take({ events }),
    giveRoster: (roster) => take({ roster }),
    start(seq) {
      after = seq;
      waiting = waiting.filter((told) => !('events' in told) || (told.events.at(-1)?.seq ?? 0) > seq);
      count = waiting.reduce((sum, told) => sum + ('events' in told ? told.events.length : 1), 0);
      if (state === 'pending') free();
    },
    end(why) {
      if (state === 'over') return;
      session.close();
      try {
        listener.onEnded(why);
      } catch (error) {
        log.warn({ err: error, member }, 'a session could not be told that it is over');
      }
    },
    close() {
      state = 'over';
      waiting = [];
    },
  };
  return session;
}
