// What documents say about each other: a user's pool exists, a given policy exists, a scope names a real site.
import type { Document, Kind, Problem, Specs } from './document.ts';
import type { TopologySpec } from './kinds/topology.ts';
import { GLOBAL, kindsWithDefaults } from './schema.ts';

/** All documents but users and credentials, as they would be after a change. They are few: all are checked each time. */
export interface Settings {
  get<K extends Kind>(kind: K, name: string): Document<K> | undefined;
  list<K extends Kind>(kind: K): Iterable<Document<K>>;
}

/** Checks a user against the topology and the policies. */
export function userProblems(user: Document<'User'>, settings: Settings): Problem[] {
  const topology = settings.get('Topology', GLOBAL)?.spec;
  const problem = (path: string, message: string) => ({ document: `User/${user.name}`, path, message });
  if (topology === undefined)
    return [problem('spec.pool', 'there is no topology yet: publish Topology/global first')];
  const domain = user.name.slice(user.name.indexOf('@') + 1);
  const problems: Problem[] = [];
  if (!topology.sipDomains.includes(domain))
    problems.push(problem('name', `"${domain}" is not a SIP domain of the topology`));
  const pool = poolProblem(user.spec.pool, topology);
  if (pool !== undefined) problems.push(problem('spec.pool', pool));
  for (const [key, kind] of Object.entries(policyKinds) as [keyof typeof policyKinds, PolicyKind][]) {
    const tag = user.spec.policies?.[key];
    if (tag !== undefined && settings.get(kind, tag) === undefined)
      problems.push(problem(`spec.policies.${key}`, `there is no ${kind} "${tag}"`));
  }
  return problems;
}

/** Checks that every `site:` and `pool:` scope names a site or pool of the topology. */
export function scopeProblems(settings: Settings): Problem[] {
  const topology = settings.get('Topology', GLOBAL)?.spec;
  const places = new Set([
    ...(topology?.sites ?? []).map(({ name }) => `site:${name}`),
    ...(topology?.pools ?? []).map(({ name }) => `pool:${name}`),
  ]);
  return kindsWithDefaults.flatMap((kind) =>
    [...settings.list(kind)]
      .filter(({ name }) => name.includes(':') && !places.has(name))
      .map(({ name }) => ({
        document: `${kind}/${name}`,
        path: 'name',
        message: `the topology has no ${name}`,
      })),
  );
}

/** Why a document may not be deleted by itself; users that still need it are found by `userProblems`. */
export function deletionProblem(kind: Kind, name: string): Problem | undefined {
  if (name !== GLOBAL) return undefined;
  const message =
    kind === 'Topology' ? 'cannot be deleted' : 'cannot be deleted; apply it with an empty spec to reset it';
  return { document: `${kind}/${name}`, path: '', message };
}

/** What a user's `policies` keys give. */
export const policyKinds = {
  presence: 'PresencePolicy',
  externalAccess: 'ExternalAccessPolicy',
  persistentChat: 'PersistentChatPolicy',
} as const satisfies Record<keyof NonNullable<Specs['User']['policies']>, Kind>;

export type PolicyKind = (typeof policyKinds)[keyof typeof policyKinds];

function poolProblem(name: string, topology: TopologySpec): string | undefined {
  const pool = topology.pools.find((pool) => pool.name === name);
  if (pool === undefined) return `there is no pool "${name}"`;
  return pool.role === 'frontend' ? undefined : `pool "${name}" is a pool of role ${pool.role}, not frontend`;
}
