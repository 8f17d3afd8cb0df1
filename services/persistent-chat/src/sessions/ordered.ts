// The events of a room in the order of their numbers, in whatever order they come.
import type { ChatEvent } from '@linchpin/proto/chat-events';

export interface Gap {
  /** Everything up to here was given out. */
  after: number;
  /** Everything up to here has happened. */
  upTo: number;
}

export interface Ordered {
  readonly last: number;
  /** Gives what follows on what was given before; what comes again is passed over. */
  add(events: readonly ChatEvent[]): ChatEvent[];
  /** Events up to this number have happened, whoever saw them. */
  expect(seq: number): void;
  /** Undefined while nothing is missing. */
  gap(): Gap | undefined;
  /** What is missing up to this number does not come any more. */
  skip(upTo: number): ChatEvent[];
}

export function createOrdered(start: number): Ordered {
  const early = new Map<number, ChatEvent>();
  let last = start;
  let known = start;

  function ready(): ChatEvent[] {
    const events: ChatEvent[] = [];
    for (let next = early.get(last + 1); next !== undefined; next = early.get(last + 1)) {
      early.delete(next.seq);
      last = next.seq;
      events.push(next);
    }
    return events;
  }

  return {
    get last() {
      return last;
    },
    add(events) {
      for (const event of events) {
        if (event.seq > last) early.set(event.seq, event);
        known = Math.max(known, event.seq);
      }
      return ready();
    },
    expect(seq) {
      known = Math.max(known, seq);
    },
    gap: () => (known > last ? { after: last, upTo: known } : undefined),
    skip(upTo) {
      const events: ChatEvent[] = [];
      while (last < upTo) {
        events.push(...ready());
        if (last < upTo) last += 1;
      }
      return [...events, ...ready()];
    },
  };
}
