import type { Logger } from '@linchpin/host';
import { ChatError } from './chat.ts';
import { isLocked, LOCK_MS, RoomsLocked } from './room-lock.ts';

export interface Pending<R> {
  readonly room: string;
  resolve(result: R): void;
  reject(error: ChatError): void;
}

export interface SettlerOptions<T> {
  /** Settles all of them, or rejects and has settled none. `lockMs`: how long it waits for the lock of a room. */
  store(items: readonly T[], lockMs: number): Promise<void>;
  log: Logger;
}

/** How long a room is waited for that is locked, or may be the one of its batch that is; and all of these of one batch. */
const MOMENT_MS = 100;
const PATIENCE_MS = 2_000;
const MOST_LOCKED = 10_000;

/**
 * Stores batches; where that fails for a reason that may lie in one of them, room by room, then one by one: what is wrong with
 * one costs the others nothing. A room that somebody else keeps locked is refused, and is by itself and behind the others until
 * its lock can be had. Never rejects.
 */
export function createSettler<T extends Pending<never>>({
  store,
  log,
}: SettlerOptions<T>): (items: readonly T[]) => Promise<void> {
  const locked = new Set<string>();

  async function settle(items: readonly T[], lockMs: number, patience = createPatience()): Promise<void> {
    const began = performance.now();
    try {
      await store(items, lockMs);
      for (const { room } of items) locked.delete(room);
    } catch (error) {
      const rooms = byRoom(items);
      if (isLocked(error) && rooms.length === 1) {
        patience.left -= performance.now() - began;
        refuse(items);
      } else if (isLocked(error)) await each(rooms, patience);
      else if (rooms.length > 1 && !isAway(error))
        for (const part of rooms) await settle(part, lockMs, patience);
      else if (items.length > 1 && !isAway(error))
        for (const item of items) await settle([item], lockMs, patience);
      else for (const item of items) item.reject(asChatError(error, log));
    }
  }

  async function each(rooms: readonly T[][], patience: Patience): Promise<void> {
    for (const part of rooms) {
      // A millisecond is enough for those that are not locked.
      const lockMs = Math.ceil(Math.max(1, Math.min(MOMENT_MS, patience.left)));
      await settle(part, lockMs, patience);
    }
  }

  function refuse(items: readonly T[]): void {
    if (locked.size >= MOST_LOCKED) locked.clear();
    for (const { room, reject } of items) {
      locked.add(room);
      reject(new RoomsLocked());
    }
  }

  return async (items) => {
    const known = Map.groupBy(items, ({ room }) => locked.has(room));
    const free = known.get(false);
    if (free) await settle(free, LOCK_MS);
    await each(byRoom(known.get(true) ?? []), createPatience());
  };
}

/** Milliseconds that are left to wait for rooms that are locked. */
interface Patience {
  left: number;
}

const createPatience = (): Patience => ({ left: PATIENCE_MS });

const byRoom = <T extends { readonly room: string }>(items: readonly T[]): T[][] => [
  ...Map.groupBy(items, ({ room }) => room).values(),
];

const isAway = (error: unknown): boolean => error instanceof ChatError && error.code === 'unavailable';

function asChatError(error: unknown, log: Logger): ChatError {
  if (error instanceof ChatError) return error;
  log.error({ err: error }, 'this could not be stored');
  return new ChatError('unavailable', 'this could not be stored: try again', 1);
}
