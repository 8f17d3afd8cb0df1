// The databases of the role: mgc and mgccomp have one each.
import { createDatabase as createHostDatabase, type Database, type DatabaseOptions } from '@linchpin/host';
import { ChatError } from '../chat.ts';

export type { Database } from '@linchpin/host';

const RETRY_AFTER_SECONDS = 2;

/** While PostgreSQL is away, it rejects with ChatError `unavailable`. */
export const createDatabase = (options: Omit<DatabaseOptions, 'unavailable' | 'pipeline'>): Database =>
  createHostDatabase({
    ...options,
    pipeline: true,
    unavailable: (why) => new ChatError('unavailable', why, RETRY_AFTER_SECONDS),
  });
