// The Topology: SIP domains, sites, pools and the machines in them. One document, `Topology/global`.
import { z } from 'zod';
import { domainName, hostPort, label } from './names.ts';

export const roles = ['frontend', 'edge', 'director', 'mediation', 'persistent-chat', 'cms'] as const;

const member = z.strictObject({ name: label, address: hostPort });

const pool = z.strictObject({
  name: label,
  role: z.enum(roles),
  site: label,
  /** The pool that gets what this one does not serve itself: an Edge pool's Director pool. */
  nextHop: label.optional(),
  members: z.array(member).max(64),
});

export const topologySpec = z
  .strictObject({
    sipDomains: z.array(domainName).min(1).max(1000),
    sites: z
      .array(z.strictObject({ name: label }))
      .min(1)
      .max(1000),
    pools: z.array(pool).max(1000),
  })
  .superRefine((spec, context) => {
    const problem = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    unique(spec.sipDomains, (at) => problem(['sipDomains', at], 'is listed twice'));
    unique(spec.sites.map(nameOf), (at) => problem(['sites', at, 'name'], 'is listed twice'));
    unique(spec.pools.map(nameOf), (at) => problem(['pools', at, 'name'], 'is listed twice'));
    checkPools(spec, problem);
    checkMembers(spec, problem);
  });

export type TopologySpec = z.output<typeof topologySpec>;
export type Pool = TopologySpec['pools'][number];
export type Member = Pool['members'][number];
export type Role = (typeof roles)[number];

type Report = (path: (string | number)[], message: string) => void;

const nameOf = (thing: { name: string }): string => thing.name;

function unique(names: string[], twice: (at: number) => void): void {
  const seen = new Set<string>();
  names.forEach((name, at) => {
    if (seen.has(name)) twice(at);
    seen.add(name);
  });
}

function checkPools(spec: TopologySpec, problem: Report): void {
  const sites = new Set(spec.sites.map(nameOf));
  const pools = new Set(spec.pools.map(nameOf));
  spec.pools.forEach((pool, at) => {
    if (!sites.has(pool.site)) problem(['pools', at, 'site'], `there is no site "${pool.site}"`);
    if (pool.nextHop === undefined) return;
    if (pool.nextHop === pool.name) problem(['pools', at, 'nextHop'], 'must be another pool');
    else if (!pools.has(pool.nextHop))
      problem(['pools', at, 'nextHop'], `there is no pool "${pool.nextHop}"`);
  });
}

// A pod's name is its identity between roles, so it is unique over all pools.
function checkMembers(spec: TopologySpec, problem: Report): void {
  const seen = new Set<string>();
  spec.pools.forEach((pool, at) => {
    pool.members.forEach((member, index) => {
      if (seen.has(member.name)) problem(['pools', at, 'members', index, 'name'], 'is listed twice');
      seen.add(member.name);
    });
  });
}
