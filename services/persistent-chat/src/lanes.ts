// What is to be stored in rooms, in batches: all that came while the last commit was under way goes into the next one. There are
// some lanes, a room is always in the same one, and each batch takes of every room that waits, so a busy one holds up none.

export interface LanesOptions<T> {
  lanes: number;
  /** Items of one batch at most. */
  atOnce: number;
  /** Never rejects. */
  run(items: readonly T[]): Promise<void>;
}

export interface Lanes<T> {
  /** Items of one room are run in the order in which they come. */
  push(item: T): void;
  /** Resolves when nothing is waiting or under way. */
  idle(): Promise<void>;
}

export function createLanes<T extends { readonly room: string }>(options: LanesOptions<T>): Lanes<T> {
  const lanes = Array.from({ length: options.lanes }, () => createLane(options));
  return {
    push: (item) => (lanes[hash(item.room) % lanes.length] as Lane<T>).push(item),
    idle: async () => void (await Promise.all(lanes.map((lane) => lane.idle()))),
  };
}

type Lane<T> = Lanes<T>;

function createLane<T extends { readonly room: string }>({ atOnce, run }: LanesOptions<T>): Lane<T> {
  const waiting = new Map<string, T[]>();
  let running: Promise<void> | undefined;

  function take(): T[] {
    const batch: T[] = [];
    const share = Math.max(1, Math.floor(atOnce / waiting.size));
    for (const [room, items] of waiting) {
      if (batch.length === atOnce) break;
      batch.push(...items.splice(0, Math.min(share, atOnce - batch.length)));
      // To the end: who had to wait is first the next time.
      waiting.delete(room);
      if (items.length > 0) waiting.set(room, items);
    }
    return batch;
  }

  async function work(): Promise<void> {
    // What comes in the same turn of the event loop goes into the same batch.
    await new Promise(setImmediate);
    while (waiting.size > 0) await run(take());
    running = undefined;
  }

  return {
    push(item) {
      const items = waiting.get(item.room);
      if (items) items.push(item);
      else waiting.set(item.room, [item]);
      running ??= work();
    },
    async idle() {
      while (running !== undefined) await running;
    },
  };
}

function hash(text: string): number {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum = (Math.imul(sum, 31) + text.charCodeAt(at)) >>> 0;
  return sum;
}
