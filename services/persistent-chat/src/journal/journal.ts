// Everything that happens in a room or category has a number and is told to all: here it gets the one and begins the other.
import type { ChatEvent } from '@linchpin/proto/chat-events';
import type { PoolClient } from 'pg';
import type { Database } from '../database/database.ts';
import { type LockedCategory, type LockedRoom, lockCategory, lockRooms } from './locked.ts';
import { type Run, readWaiting, storeRuns } from './outbox.ts';
import { createPublisher, type PublisherOptions } from './publisher.ts';
import { renderRuns } from './runs.ts';

export type { LockedCategory, LockedRoom } from './locked.ts';

/** A ChatEvent as it is before it has its scope, number and time. */
export type NewEvent = ChatEvent extends infer E
  ? E extends ChatEvent
    ? Omit<E, 'scope' | 'seq' | 'at'>
    : never
  : never;

export interface Journal {
  /**
   * Takes the row locks (in the order of the ids) and gives what the rooms are now, with their category. A transaction that
   * needs locks of several rooms takes them with one call; one that locks a category too locks that first. `waitMs`: how long it
   * waits for each, by default as long as it takes; then it rejects with RoomsLocked.
   */
  lockRooms(client: PoolClient, ids: readonly string[], waitMs?: number): Promise<Map<string, LockedRoom>>;
  lockCategory(client: PoolClient, id: string): Promise<LockedCategory | undefined>;
  /**
   * Numbers the events, writes them to the outbox and moves last_seq. In the transaction that holds the lock.
   * Rejects with `too-large` for an event that NATS would not take.
   */
  append(
    client: PoolClient,
    scope: LockedRoom | LockedCategory,
    events: readonly NewEvent[],
  ): Promise<ChatEvent[]>;
  /** The same for several scopes at once; the answer is in the order of the entries. */
  appendAll(client: PoolClient, entries: readonly Entry[]): Promise<ChatEvent[]>;
  /** After COMMIT: they are published now, and told to local sessions. Takes what `append` gave, also of several calls. */
  committed(events: readonly ChatEvent[]): void;
  /** What became known on this pod: from `committed`, or left by another pod. Events of one scope, in order. */
  onEvents(listener: (scope: string, events: readonly ChatEvent[]) => void): () => void;
  /** Events that are stored and wait to be published, with numbers after `after` and up to `upTo`. */
  waiting(client: PoolClient, scope: string, after: number, upTo: number): Promise<ChatEvent[]>;
  start(): void;
  /** What is under way to the queue is waited for; what does not get there is published by another pod. */
  stop(): Promise<void>;
}

export type Entry = readonly [LockedRoom | LockedCategory, readonly NewEvent[]];

export interface JournalOptions extends Omit<PublisherOptions, 'onLeftEvents'> {
  database: Pick<Database, 'use' | 'transaction'>;
  /** The name of this pod. */
  pod: string;
}

export function createJournal(options: JournalOptions): Journal {
  const { pod } = options;
  const listeners = new Set<(scope: string, events: readonly ChatEvent[]) => void>();
  /** By the first event of each run. */
  const runs = new WeakMap<ChatEvent, Stored>();
  const publisher = createPublisher({ ...options, onLeftEvents: tell });

  function tell(scope: string, events: readonly ChatEvent[]): void {
    for (const listener of listeners) listener(scope, events);
  }

  async function appendAll(client: PoolClient, given: readonly Entry[]): Promise<ChatEvent[]> {
    const entries = given.filter(([, events]) => events.length > 0);
    const numbered = entries.map(([scope, events]) => number(scope, events));
    const stored = numbered.flatMap((events) => (events[0] ? storedRuns(events[0].scope, events) : []));
    if (stored.length === 0) return [];
    const moved = [...new Set(entries.map(([scope]) => scope))];
    await storeRuns(
      client,
      pod,
      stored.map(({ run }) => run),
      moved.map((scope) => ({ id: scope.id, last: scope.lastSeq, kind: kindOf(scope) })),
    );
    for (const each of stored) runs.set(each.events[0] as ChatEvent, each);
    return numbered.flat();
  }

  return {
    lockRooms,
    lockCategory,
    append: (client, scope, events) => appendAll(client, [[scope, events]]),
    appendAll,
    committed(events) {
      const stored = events.flatMap((event) => runs.get(event) ?? []);
      for (const { run } of stored) publisher.publish(run);
      for (const each of stored) tell(each.run.scope, each.events);
    },
    onEvents(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    waiting: readWaiting,
    start: publisher.start,
    stop: publisher.stop,
  };
}

interface Stored {
  run: Run;
  events: readonly ChatEvent[];
}

function storedRuns(scope: string, events: readonly ChatEvent[]): Stored[] {
  const first = (events[0] as ChatEvent).seq;
  return renderRuns(scope, events).map((run) => ({
    run,
    events: events.slice(run.first - first, run.last - first + 1),
  }));
}

function number(scope: LockedRoom | LockedCategory, events: readonly NewEvent[]): ChatEvent[] {
  const { id, at } = scope;
  // The order of the fields is that in which they are read.
  return events.map((event) => {
    scope.lastSeq += 1;
    return { scope: id, seq: scope.lastSeq, at, ...event } as ChatEvent;
  });
}

const kindOf = (scope: LockedRoom | LockedCategory): 'room' | 'category' =>
  'category' in scope ? 'room' : 'category';
