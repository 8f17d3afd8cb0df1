// What one person may ask of many rooms: to be in them, to have them searched. Each of them costs a token.
import { createBuckets } from '@linchpin/host';
import { type Caller, ChatError } from './chat.ts';

/** Throws `limit`, and takes nothing, for who asks for so many rooms more too soon. Administrators wait for nobody. */
export type TakeRooms = (caller: Caller, rooms?: number) => void;

const PER_SECOND = 20;
/** A client that comes back joins all that it had open, and searches some of them. */
const BURST = 1_000;

export function createRoomRate(limits = { perSecond: PER_SECOND, burst: BURST }): TakeRooms {
  const buckets = createBuckets(limits);
  return ({ name, admin }, rooms = 1) => {
    if (admin || buckets.take(name, rooms)) return;
    throw new ChatError('limit', 'too many rooms at once: try again in some seconds', 5);
  };
}
