import type { Migrations } from '@linchpin/host';
import { LOCK } from '../locks.ts';

export const migrations: Migrations = {
  folder: new URL('../../migrations/', import.meta.url),
  lock: LOCK.migrate,
  owner: 'CMS',
};
