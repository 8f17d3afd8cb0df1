// The configuration documents: the rules by which they change.
import { status } from '@grpc/grpc-js';
import {
  createDocumentSet,
  type Document,
  type DocumentSet,
  type Kind,
  kindsWithDefaults,
  type Problem,
  parseDocument,
  scopeProblems,
  userProblems,
} from '@linchpin/topology';
import type { PoolClient } from 'pg';
import { CmsError, invalid } from '../cms-error.ts';
import type { WantedChange } from './changes.ts';
import { type Outcome, type Planned, planChange } from './plan.ts';
import { problemsToText } from './problems.ts';
import * as store from './store.ts';

export interface Published {
  version: number;
  outcomes: Outcome[];
  /** A new version was made: not so when nothing changes, and when only asked. */
  isNew: boolean;
}

export interface PublishOptions {
  /** Goes into the table of versions. */
  who: string;
  /** Check only. */
  dryRun: boolean;
}

/** In a transaction: checks the changes against what is there and each other, and stores them as one version. */
export async function publish(
  client: PoolClient,
  wanted: readonly WantedChange[],
  { who, dryRun }: PublishOptions,
): Promise<Published> {
  await store.lockVersions(client);
  const settings = asSet(await store.selectSettings(client));
  const plan = await planAll(client, wanted, settings);
  const problems = await findProblems(client, wanted, plan, settings);
  if (problems.length > 0) throw invalid(problemsToText(problems));
  const outcomes = plan.map(({ outcome }) => outcome);
  const changing = plan.filter(({ outcome }) => outcome !== 'unchanged');
  if (dryRun || changing.length === 0)
    return { version: await store.currentVersion(client), outcomes, isNew: false };
  return { version: await store.insertVersion(client, who, changing), outcomes, isNew: true };
}

/** Makes the global documents that do not exist yet: all of them in an empty database, those of new kinds later. */
export async function publishDefaults(client: PoolClient): Promise<Published> {
  await store.lockVersions(client);
  const settings = asSet(await store.selectSettings(client));
  const missing = kindsWithDefaults.filter((kind) => settings.get(kind, 'global') === undefined);
  const wanted = missing.map(
    (kind): WantedChange => ({
      action: 'apply',
      kind,
      name: 'global',
      document: parseDocument(kind, 'global', {}),
      expectedVersion: 0,
      password: '',
    }),
  );
  return publish(client, wanted, { who: 'cms', dryRun: false });
}

export async function getOne(client: PoolClient, kind: Kind, name: string): Promise<Document> {
  const document = await store.selectOne(client, kind, name);
  if (document === undefined)
    throw new CmsError(status.NOT_FOUND, `${kind}/${name}: there is no such document`);
  return document;
}

async function planAll(
  client: PoolClient,
  wanted: readonly WantedChange[],
  settings: DocumentSet,
): Promise<Planned[]> {
  const names = wanted.filter(({ kind }) => kind === 'User').map(({ name }) => name);
  const users = asSet(names.length > 0 ? await store.selectUsers(client, names) : []);
  const digests = names.length > 0 ? await store.selectDigests(client, names) : new Map();
  return wanted.map((change) => {
    const { kind, name } = change;
    const document = (kind === 'User' ? users : settings).get(kind, name);
    return planChange(change, { document, digest: kind === 'User' ? digests.get(name) : undefined });
  });
}

/** What would be wrong afterwards. Brings `settings` to the state after the change. */
async function findProblems(
  client: PoolClient,
  wanted: readonly WantedChange[],
  plan: readonly Planned[],
  settings: DocumentSet,
): Promise<Problem[]> {
  const changed = asSet(wanted.flatMap((change) => (change.action === 'delete' ? [] : [change.document])));
  for (const { kind, name } of plan) {
    if (kind === 'User') continue;
    settings.apply([{ kind, name, before: undefined, after: changed.get(kind, name) }]);
  }
  const users = needsAllUsers(plan) ? await otherUsers(client, plan) : [];
  return [
    ...scopeProblems(settings),
    ...[...changed.list('User'), ...users].flatMap((user) => userProblems(user, settings)),
  ];
}

// A pool or policy that goes, or a domain, may be one that users need.
const needsAllUsers = (plan: readonly Planned[]): boolean =>
  plan.some(({ kind, outcome }) =>
    kind === 'Topology' ? outcome === 'changed' : kind !== 'User' && outcome === 'deleted',
  );

async function otherUsers(client: PoolClient, plan: readonly Planned[]): Promise<Document<'User'>[]> {
  const planned = new Set(plan.filter(({ kind }) => kind === 'User').map(({ name }) => name));
  return (await store.selectUsers(client)).filter(({ name }) => !planned.has(name));
}

function asSet(documents: readonly Document[]): DocumentSet {
  const set = createDocumentSet();
  set.apply(documents.map((after) => ({ kind: after.kind, name: after.name, before: undefined, after })));
  return set;
}
