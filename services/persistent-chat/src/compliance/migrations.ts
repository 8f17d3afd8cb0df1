import type { Migrations } from '@linchpin/host';
import { LOCK } from './locks.ts';

/** The tables of the compliance store, a database of its own. */
export const complianceMigrations: Migrations = {
  folder: new URL('../../migrations/mgccomp/', import.meta.url),
  lock: LOCK.migrate,
  owner: "Persistent Chat's compliance",
};
