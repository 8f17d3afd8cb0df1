import type { Member } from '@linchpin/proto/cms/v1/cms';
import {
  type GetPoolReply,
  type GroupState,
  type RoutingGroup,
  GroupState as STATE,
} from '@linchpin/proto/frontend/v1/frontend';
import { withCms } from '../management/cms.ts';
import type { Site } from '../management/site.ts';

type StateWord = 'served' | 'unowned' | 'moving' | 'degraded' | 'unknown';

/** As programs read it: states are words. */
export interface PoolReport extends Omit<GetPoolReply, 'groups'> {
  groups: (Omit<RoutingGroup, 'state'> & { state: StateWord })[];
}

const WORDS: Partial<Record<GroupState, StateWord>> = {
  [STATE.SERVED]: 'served',
  [STATE.UNOWNED]: 'unowned',
  [STATE.MOVING]: 'moving',
  [STATE.DEGRADED]: 'degraded',
};

/** The members of a pool of Front Ends, and who has which routing group. Empty name: the first pool. */
export async function pool(site: Site, name: string): Promise<PoolReport> {
  const reply = await withCms(site, (cms) => cms.pool(name));
  return {
    ...reply,
    groups: reply.groups.map((group) => ({ ...group, state: WORDS[group.state] ?? 'unknown' })),
  };
}

/** All pods that are there now. */
export const pods = (site: Site): Promise<Member[]> => withCms(site, (cms) => cms.pods());
