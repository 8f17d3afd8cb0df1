// How much people may upload: so many files at one time, and so many bytes in a while, by user and by room.
import type { PoolClient } from 'pg';
import { ChatError } from '../chat.ts';
import { lockQuota, type Taken, takenByRoom, takenByUser } from './store.ts';

export interface QuotaLimits {
  /** Of one user at one time, at this pod. */
  atOnce: number;
  /** In `hours`. */
  bytesPerUser: number;
  bytesPerRoom: number;
  hours: number;
}

export interface Quota {
  /** Throws `limit`. Returns what is to be called when the upload is over. */
  enter(user: string): () => void;
  /** Rejects with `limit` where `bytes` more are too many. `room`: its id. */
  check(client: PoolClient, user: string, room: string, bytes: number): Promise<void>;
  /** The same in the transaction that stores the file before it commits: nobody else comes in between. */
  reserve(client: PoolClient, user: string, room: string, bytes: number): Promise<void>;
}

/** Uploads take a moment. */
const AGAIN_SECONDS = 5;

export function createQuota(limits: () => QuotaLimits): Quota {
  const underWay = new Map<string, number>();

  async function check(client: PoolClient, user: string, room: string, bytes: number): Promise<void> {
    const { bytesPerUser, bytesPerRoom, hours } = limits();
    const own = await takenByUser(client, user, hours);
    if (own.bytes + bytes > bytesPerUser) throw used('you have', bytesPerUser, hours, own);
    const all = await takenByRoom(client, room, hours);
    if (all.bytes + bytes > bytesPerRoom) throw used('this room has', bytesPerRoom, hours, all);
  }

  return {
    enter(user) {
      const others = underWay.get(user) ?? 0;
      const { atOnce } = limits();
      if (others >= atOnce)
        throw new ChatError('limit', `a user may send ${atOnce} files at one time`, AGAIN_SECONDS);
      underWay.set(user, others + 1);
      return () => {
        const left = (underWay.get(user) ?? 1) - 1;
        if (left === 0) underWay.delete(user);
        else underWay.set(user, left);
      };
    },
    check,
    async reserve(client, user, room, bytes) {
      await lockQuota(client, user, room);
      await check(client, user, room, bytes);
    },
  };
}

const used = (who: string, most: number, hours: number, { bytes, seconds }: Taken): ChatError =>
  new ChatError(
    'limit',
    `${who} used ${bytes} of ${most} bytes that may be uploaded in ${hours} hours: there is no room for this file`,
    Math.max(AGAIN_SECONDS, Math.ceil(seconds)),
  );
