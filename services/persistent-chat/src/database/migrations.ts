import type { Migrations } from '@linchpin/host';

/** The tables of rooms and posts; those of the compliance store are in `migrations/mgccomp`, in a database of their own. */
export const migrations: Migrations = {
  folder: new URL('../../migrations/mgc/', import.meta.url),
  lock: 5_071_001,
  owner: 'Persistent Chat',
};
