import { isDeepStrictEqual } from 'node:util';
import { hostPort, type Layout } from '../installation/layout.ts';
import type { Settings } from '../installation/settings.ts';
import { apply } from '../management/changes.ts';
import type { Cms } from '../management/cms.ts';

interface Pool {
  name: string;
  role: string;
  site: string;
  nextHop?: string;
  members: { name: string; address: string }[];
}

interface Topology {
  sipDomains: string[];
  sites: { name: string }[];
  pools: Pool[];
}

const SITE = 'main';

/** Publishes where this machine's roles are, unless that is known. What an administrator added stays. */
export async function publishTopology(cms: Cms, layout: Layout, settings: Settings): Promise<boolean> {
  const [document] = await cms.get('Topology');
  const before = document?.spec as Topology | undefined;
  const after = mergeTopology(before, layout, settings);
  if (isDeepStrictEqual(before, after)) return false;
  await cms.publish([apply('Topology', 'global', { ...after }, { expectedVersion: document?.version })]);
  return true;
}

export function mergeTopology(before: Topology | undefined, layout: Layout, { domain }: Settings): Topology {
  const known = before ?? { sipDomains: [], sites: [], pools: [] };
  const site = known.sites[0]?.name ?? SITE;
  const ours = layout.roles.map((role) => {
    const pool = known.pools.find(({ name }) => name === role.role);
    const members = [{ name: role.name, address: hostPort(role.rpc) }];
    return { ...(pool ?? newPool(role.role, site)), members };
  });
  const others = known.pools.filter(({ name }) => !ours.some((pool) => pool.name === name));
  return {
    sipDomains: known.sipDomains.includes(domain) ? known.sipDomains : [...known.sipDomains, domain],
    sites: known.sites.length > 0 ? known.sites : [{ name: SITE }],
    pools: [...ours, ...others],
  };
}

const newPool = (role: string, site: string): Omit<Pool, 'members'> => ({
  name: role,
  role,
  site,
  ...(role === 'edge' && { nextHop: 'director' }),
});
