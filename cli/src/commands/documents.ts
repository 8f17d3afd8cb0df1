import type { Change } from '@linchpin/proto/cms/v1/cms';
import { assign } from '../management/assignments.ts';
import * as changes from '../management/changes.ts';
import { type Cms, type Document, domainOf, withCms } from '../management/cms.ts';
import { readDocuments } from '../management/document-file.ts';
import { documentName, kindOf } from '../management/kinds.ts';
import { generatePassword, readPasswordFile } from '../management/password.ts';
import type { Site } from '../management/site.ts';

/** What became of one document: "created", "changed", "unchanged" or "deleted". */
export interface Outcome {
  kind: string;
  name: string;
  outcome: string;
  /** Only where `create` made one up. */
  password?: string;
  /** False while NATS is away: the roles hear of it later. */
  pushed: boolean;
}

export interface Target {
  site: Site;
  kind: string;
  name?: string | undefined;
}

interface Open {
  cms: Cms;
  domain: string;
  kind: string;
}

/** All documents of a kind, or one. */
export const get = ({ name, ...target }: Target): Promise<Document[]> =>
  open(target, ({ cms, domain, kind }) =>
    cms.get(kind, name === undefined ? '' : documentName(kind, name, domain)),
  );

export interface CreateOptions extends Target {
  assignments: string[];
  displayName?: string | undefined;
  passwordFile?: string | undefined;
}

/** Refused when the document exists. A user gets a password that is shown once, unless one was given. */
export const create = ({
  assignments,
  displayName,
  passwordFile,
  ...target
}: CreateOptions): Promise<Outcome> =>
  open(target, async ({ cms, domain, kind }) => {
    const name = documentName(kind, target.name, domain);
    const defaults =
      kind === 'User' ? { enabled: true, pool: 'frontend', ...(displayName && { displayName }) } : {};
    const given = passwordFile === undefined ? undefined : await readPasswordFile(passwordFile);
    const made = kind === 'User' && given === undefined ? generatePassword() : undefined;
    const change = changes.create(kind, name, assign(defaults, assignments), { password: given ?? made });
    return { ...(await publishOne(cms, change)), ...(made && { password: made }) };
  });

export interface SetOptions extends Target {
  assignments: string[];
  passwordFile?: string | undefined;
}

/** Changes single settings of a document that exists, or a user's password. */
export const set = ({ assignments, passwordFile, ...target }: SetOptions): Promise<Outcome> =>
  open(target, async ({ cms, domain, kind }) => {
    const name = documentName(kind, target.name, domain);
    const [document] = (await cms.get(kind, name)) as [Document];
    const password = passwordFile === undefined ? undefined : await readPasswordFile(passwordFile);
    const spec = assign(document.spec, assignments);
    return publishOne(cms, changes.apply(kind, name, spec, { password, expectedVersion: document.version }));
  });

export interface ApplyOptions {
  site: Site;
  file: string;
  dryRun: boolean;
  /** Do not mind that somebody changed a document since it was read. */
  force: boolean;
}

/** All documents of the file become true together, or none. */
export async function apply({ site, file, dryRun, force }: ApplyOptions): Promise<Outcome[]> {
  const documents = await readDocuments(file);
  return withCms(site, async (cms) => {
    const domain = await domainOf(site, cms);
    const written = documents.map(({ kind, name, spec, version, password }) =>
      changes.apply(kind, documentName(kind, name, domain), spec, {
        password,
        expectedVersion: force ? undefined : version,
      }),
    );
    return publish(cms, written, dryRun);
  });
}

export const remove = (target: Target): Promise<Outcome> =>
  open(target, ({ cms, domain, kind }) =>
    publishOne(cms, changes.remove(kind, documentName(kind, target.name, domain))),
  );

async function open<T>({ site, kind }: Target, use: (open: Open) => Promise<T>): Promise<T> {
  const known = kindOf(kind);
  // Only users have names that a domain may be missing from.
  const needed = known === 'User';
  return withCms(site, async (cms) =>
    use({ cms, domain: needed ? await domainOf(site, cms) : '', kind: known }),
  );
}

async function publishOne(cms: Cms, change: Change): Promise<Outcome> {
  const [outcome] = await publish(cms, [change]);
  return outcome as Outcome;
}

async function publish(cms: Cms, list: Change[], dryRun = false): Promise<Outcome[]> {
  const { outcomes, pushed } = await cms.publish(list, dryRun);
  return list.map(({ document }, index) => ({
    kind: document?.kind ?? '',
    name: document?.name ?? '',
    outcome: outcomes[index] ?? '',
    pushed: pushed || dryRun,
  }));
}
