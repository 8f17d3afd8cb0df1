import type { Logger } from '@linchpin/host';
import { ChatError } from './chat.ts';

export interface Pending<R> {
  readonly room: string;
  resolve(result: R): void;
  reject(error: ChatError): void;
}

/**
 * Stores a batch; where that fails for a reason that may lie in one of them, room by room, then one by one: what is wrong with
 * one costs the others nothing. `store` settles all of them, or rejects and has settled none. Never rejects.
 */
export async function settle<T extends Pending<never>>(
  items: readonly T[],
  store: (items: readonly T[]) => Promise<void>,
  log: Logger,
): Promise<void> {
  try {
    await store(items);
  } catch (error) {
    const isAway = error instanceof ChatError && error.code === 'unavailable';
    if (items.length > 1 && !isAway) for (const part of parts(items)) await settle(part, store, log);
    else for (const item of items) item.reject(asChatError(error, log));
  }
}

function parts<T extends { readonly room: string }>(items: readonly T[]): T[][] {
  const rooms = new Map<string, T[]>();
  for (const item of items) {
    const known = rooms.get(item.room);
    if (known) known.push(item);
    else rooms.set(item.room, [item]);
  }
  return rooms.size > 1 ? [...rooms.values()] : items.map((item) => [item]);
}

function asChatError(error: unknown, log: Logger): ChatError {
  if (error instanceof ChatError) return error;
  log.error({ err: error }, 'this could not be stored');
  return new ChatError('unavailable', 'this could not be stored: try again', 1);
}
