// What a release tells its CMS: where things are and, for trials, who the first users are.
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type ServiceError, status } from '@grpc/grpc-js';
import { z } from 'zod';
import { CliError, EXIT } from '../cli-error.ts';
import { apply, create } from '../management/changes.ts';
import type { Cms } from '../management/cms.ts';

const pool = z.strictObject({ name: z.string(), role: z.string(), nextHop: z.string().optional() });

/** The file that the chart writes for `jobs.js publish <file>`. */
export const release = z.strictObject({
  sipDomains: z.array(z.string()).min(1),
  site: z.string(),
  pools: z.array(pool),
  sampleUsers: z.array(z.strictObject({ name: z.string(), displayName: z.string() })).default([]),
  /** How long a CMS is waited for that still starts, which it does not before its tables are those of its release. */
  patienceSeconds: z.int().min(1).default(240),
});

export type Release = z.infer<typeof release>;

interface Topology {
  sipDomains: string[];
  sites: { name: string }[];
  pools: { name: string; role: string; site: string; nextHop?: string; members: unknown[] }[];
}

/** Adds what is missing. What an administrator changed or added stays; pods announce themselves, so no pool lists any. */
export function withRelease(known: Topology | undefined, { sipDomains, site, pools }: Release): Topology {
  const { sipDomains: domains = [], sites = [], pools: present = [] } = known ?? {};
  const home = sites[0]?.name ?? site;
  const missing = pools.filter(({ name }) => !present.some((other) => other.name === name));
  return {
    sipDomains: [...domains, ...sipDomains.filter((domain) => !domains.includes(domain))],
    sites: sites.length > 0 ? sites : [{ name: home }],
    pools: [...present, ...missing.map((each) => ({ ...each, site: home, members: [] }))],
  };
}

/** Resolves to what was published: "Topology/global", "User/alice@contoso.com". */
export async function publishRelease(
  cms: Cms,
  wanted: Release,
  passwordOf: (user: string) => Promise<string>,
): Promise<string[]> {
  const [topology] = await cms.get('Topology');
  const before = topology?.spec as Topology | undefined;
  const after = withRelease(before, wanted);
  const changes = isDeepStrictEqual(before, after)
    ? []
    : [apply('Topology', 'global', { ...after }, { expectedVersion: topology?.version })];
  for (const { name, displayName } of await missingUsers(cms, wanted)) {
    const password = await passwordOf(name);
    changes.push(create('User', name, { displayName, enabled: true, pool: 'frontend' }, { password }));
  }
  if (changes.length > 0) await cms.publish(changes);
  return changes.map(({ document }) => `${document?.kind}/${document?.name}`);
}

async function missingUsers(cms: Cms, { sampleUsers }: Release): Promise<Release['sampleUsers']> {
  if (sampleUsers.length === 0) return [];
  const existing = new Set((await cms.get('User')).map(({ name }) => name));
  return sampleUsers.filter(({ name }) => !existing.has(name));
}

const PAUSE_MS = 1_000;

/** Nothing answers there, or CMS says that something which it needs is away. */
const passes = (error: unknown): error is CliError =>
  error instanceof CliError &&
  (error.exitCode === EXIT.notRunning ||
    (error.cause as Partial<ServiceError> | undefined)?.code === status.UNAVAILABLE);

/** A release that was just installed has pods that still start: asks again until CMS can answer or the time is over. */
export async function patiently<T>(
  seconds: number,
  say: (line: string) => void,
  attempt: () => Promise<T>,
): Promise<T> {
  let said = '';
  for (const deadline = Date.now() + seconds * 1000; ; await wait(PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (!passes(error) || Date.now() > deadline) throw error;
      const { message } = error;
      if (message !== said) say(`waiting: ${message}`);
      said = message;
    }
  }
}
