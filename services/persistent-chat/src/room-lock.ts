// Everything that happens in a room happens under its row lock: who waits for one waits for what somebody else does there.
import type { PoolClient } from 'pg';
import { ChatError } from './chat.ts';

/** Milliseconds that what people do waits for a room. What keeps it for longer is work of administrators, or a pod that hangs. */
export const LOCK_MS = 3_000;

/** One of the rooms was locked for longer than it was waited for; nothing was stored. */
export class RoomsLocked extends ChatError {
  constructor() {
    super('unavailable', 'something else is done in this room, which takes a while: try again', 2);
  }
}

/** PostgreSQL's lock_not_available, as it comes and as `lockRooms` puts it. */
export const isLocked = (error: unknown): boolean =>
  error instanceof RoomsLocked || (error as { code?: string }).code === '55P03';

/** For `catch`. */
export function sayLocked(error: unknown): never {
  throw isLocked(error) ? new RoomsLocked() : error;
}

const LIMIT = "SELECT set_config('lock_timeout', $1, true)";

/** All that this transaction does from now on waits for no lock longer than this; it rejects with what `isLocked` knows. */
export const limitWaits = (client: PoolClient, waitMs: number): Promise<unknown> =>
  client.query({ name: 'wait-for-locks', text: LIMIT, values: [`${waitMs}ms`] });
