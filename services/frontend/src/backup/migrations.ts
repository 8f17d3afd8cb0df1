import type { Migrations } from '@linchpin/host';

export const migrations: Migrations = {
  folder: new URL('../../migrations/', import.meta.url),
  lock: 5_061_101,
  owner: 'the Front End',
};
