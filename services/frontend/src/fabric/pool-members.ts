import type { Members } from '@linchpin/topology';

/** What the fabric needs of the members of its pool. */
export type PoolMembers = Pick<
  Members,
  'list' | 'get' | 'onChange' | 'announce' | 'leaseUntil' | 'onLease' | 'loaded'
>;
