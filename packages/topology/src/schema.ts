// The table of kinds: which bucket carries it, what its documents may be called, and what their spec must look like.
import { CONFIG_BUCKET, DIRECTORY_BUCKET, fromKeyToken } from '@linchpin/proto/subjects';
import type { z } from 'zod';
import { type Document, type Kind, type Problem, type Specs, TopologyError } from './document.ts';
import {
  accessEdgeConfigurationSpec,
  externalAccessPolicySpec,
  presencePolicySpec,
  registrarConfigurationSpec,
} from './kinds/configurations.ts';
import { credentialSpec } from './kinds/credential.ts';
import { label, tag, userName } from './kinds/names.ts';
import {
  groupSpec,
  persistentChatConfigurationSpec,
  persistentChatPolicySpec,
} from './kinds/persistent-chat.ts';
import { topologySpec } from './kinds/topology.ts';
import { userSpec } from './kinds/user.ts';

/** The name of the document of a kind that holds where nothing nearer does. It always exists. */
export const GLOBAL = 'global';

/** A spec must fit a NATS message (1 MiB) with room to spare. */
export const MAX_SPEC_BYTES = 512 * 1024;

/** The kinds that have scopes. */
export type ScopedKind = Exclude<Kind, 'Topology' | 'User' | 'Group' | 'Credential'>;

type Scope = 'global' | 'site' | 'pool' | 'tag' | 'user';

interface KindRow<K extends Kind> {
  bucket: typeof CONFIG_BUCKET | typeof DIRECTORY_BUCKET;
  scopes: readonly Scope[];
  spec: z.ZodType<Specs[K]>;
}

const rows: { [K in Kind]: KindRow<K> } = {
  Topology: { bucket: CONFIG_BUCKET, scopes: ['global'], spec: topologySpec },
  RegistrarConfiguration: {
    bucket: CONFIG_BUCKET,
    scopes: ['global', 'site', 'pool'],
    spec: registrarConfigurationSpec,
  },
  PresencePolicy: { bucket: CONFIG_BUCKET, scopes: ['global', 'site', 'tag'], spec: presencePolicySpec },
  ExternalAccessPolicy: {
    bucket: CONFIG_BUCKET,
    scopes: ['global', 'site', 'tag'],
    spec: externalAccessPolicySpec,
  },
  AccessEdgeConfiguration: {
    bucket: CONFIG_BUCKET,
    scopes: ['global', 'site'],
    spec: accessEdgeConfigurationSpec,
  },
  PersistentChatPolicy: {
    bucket: CONFIG_BUCKET,
    scopes: ['global', 'site', 'tag'],
    spec: persistentChatPolicySpec,
  },
  PersistentChatConfiguration: {
    bucket: CONFIG_BUCKET,
    scopes: ['global', 'site', 'pool'],
    spec: persistentChatConfigurationSpec,
  },
  Group: { bucket: DIRECTORY_BUCKET, scopes: ['tag'], spec: groupSpec },
  User: { bucket: DIRECTORY_BUCKET, scopes: ['user'], spec: userSpec },
  Credential: { bucket: DIRECTORY_BUCKET, scopes: ['user'], spec: credentialSpec },
};

export const allKinds = Object.keys(rows) as readonly Kind[];

/** What administrators may write; credentials are derived from passwords. */
export const kinds: readonly Kind[] = allKinds.filter((kind) => kind !== 'Credential');

/** The kinds whose `global` document is made from defaults when there is none. */
export const kindsWithDefaults = kinds.filter(
  (kind): kind is ScopedKind => kind !== 'Topology' && rows[kind].scopes.includes('global'),
);

export const bucketOf = (kind: Kind): string => rows[kind].bucket;

const kindOfToken = new Map(allKinds.map((kind) => [kind.toLowerCase(), kind]));

/** The document that a NATS key stands for; undefined for `head` and for kinds of a newer release. */
export function parseDocumentKey(key: string): { kind: Kind; name: string } | undefined {
  const [token = '', name] = key.split('.');
  const kind = kindOfToken.get(token);
  return kind === undefined || name === undefined ? undefined : { kind, name: fromKeyToken(name) };
}

export const isKind = (text: string): text is Kind => Object.hasOwn(rows, text);

/** The spec with all defaults, for kinds that have them. */
export const defaultSpec = <K extends Kind>(kind: K): Specs[K] => rows[kind].spec.parse({});

/** Fills in the defaults of settings that came after the document was written; keeps settings it does not know. */
export function completeDocument<K extends Kind>(document: Document<K>): Document<K> {
  const { kind, spec } = document;
  const parsed = rows[kind].spec.safeParse(spec);
  if (parsed.success) return { ...document, spec: parsed.data };
  const hasDefaults = (kindsWithDefaults as readonly Kind[]).includes(kind);
  return hasDefaults ? { ...document, spec: { ...defaultSpec(kind), ...spec } } : document;
}

/** Checks a document by itself and fills in the defaults. Throws a TopologyError that lists every problem. */
export function parseDocument(kind: string, name: string, spec: unknown, version = 0): Document {
  const document = `${kind}/${name}`;
  if (!isKind(kind))
    throw TopologyError.of([{ document, path: 'kind', message: `must be one of ${kinds.join(', ')}` }]);
  const parsed = rows[kind].spec.safeParse(spec);
  const problems = [
    ...nameProblems(kind, name),
    ...(parsed.success ? [] : parsed.error.issues.flatMap((issue) => problemsOf(document, issue))),
  ];
  if (problems.length > 0 || !parsed.success) throw TopologyError.of(problems);
  return { kind, name, version, spec: parsed.data };
}

function nameProblems(kind: Kind, name: string): Problem[] {
  const { scopes } = rows[kind];
  if (scopes.some((scope) => fitsScope[scope](name))) return [];
  const message = `must be ${scopes.map((scope) => scopeForms[scope]).join(' or ')}`;
  return [{ document: `${kind}/${name}`, path: 'name', message }];
}

const fitsScope: Record<Scope, (name: string) => boolean> = {
  global: (name) => name === GLOBAL,
  site: (name) => name.startsWith('site:') && label.safeParse(name.slice(5)).success,
  pool: (name) => name.startsWith('pool:') && label.safeParse(name.slice(5)).success,
  tag: (name) => tag.safeParse(name).success,
  user: (name) => userName.safeParse(name).success,
};

const scopeForms: Record<Scope, string> = {
  global: '"global"',
  site: '"site:<site>"',
  pool: '"pool:<pool>"',
  tag: 'a tag (letters, digits, spaces, ".", "_", "-")',
  user: 'user@domain in lower case',
};

function problemsOf(document: string, issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      document,
      path: pathText([...issue.path, key]),
      message: 'is not a known setting',
    }));
  return [{ document, path: pathText(issue.path), message: messageOf(issue) }];
}

const messageOf = (issue: z.core.$ZodIssue): string =>
  issue.message.startsWith('Invalid input: expected') && issue.message.endsWith('received undefined')
    ? 'is missing'
    : issue.message;

const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}.${String(key)}`),
    'spec',
  );
