// What each wanted change comes to, given what is there: pure rules, no SQL.
import { isDeepStrictEqual } from 'node:util';
import { status } from '@grpc/grpc-js';
import type { Document, Kind } from '@linchpin/topology';
import { CmsError } from '../cms-error.ts';
import type { WantedChange } from './changes.ts';
import { type Digest, deriveDigest } from './credential.ts';

export type Outcome = 'created' | 'changed' | 'unchanged' | 'deleted';

export interface Planned {
  kind: Kind;
  name: string;
  outcome: Outcome;
  /** What becomes of the document; undefined: nothing. */
  document?: { spec: unknown | null } | undefined;
  /** What becomes of the user's credential; undefined: nothing. */
  credential?: { digest: Digest | null } | undefined;
}

export interface Present {
  document: Document | undefined;
  digest: Digest | undefined;
}

/** Throws ABORTED, ALREADY_EXISTS or NOT_FOUND where the caller took something else to be there. */
export function planChange(wanted: WantedChange, { document, digest }: Present): Planned {
  const { kind, name } = wanted;
  checkExpected(wanted, document);
  if (wanted.action === 'delete') {
    if (document === undefined)
      throw new CmsError(status.NOT_FOUND, `${kind}/${name}: there is no such document`);
    const credential = digest === undefined ? undefined : { digest: null };
    return { kind, name, outcome: 'deleted', document: { spec: null }, credential };
  }
  if (wanted.action === 'create' && document !== undefined)
    throw new CmsError(
      status.ALREADY_EXISTS,
      `${kind}/${name}: exists already, since version ${document.version}`,
    );
  const { spec } = wanted.document;
  const newDocument = isDeepStrictEqual(spec, document?.spec) ? undefined : { spec };
  const credential = newCredential(name, wanted.password, digest);
  const changed = newDocument !== undefined || credential !== undefined ? 'changed' : 'unchanged';
  return {
    kind,
    name,
    outcome: document === undefined ? 'created' : changed,
    document: newDocument,
    credential,
  };
}

function newCredential(user: string, password: string, present: Digest | undefined): Planned['credential'] {
  if (password === '') return undefined;
  const digest = deriveDigest(user, password);
  return isDeepStrictEqual(digest, present) ? undefined : { digest };
}

function checkExpected({ kind, name, expectedVersion }: WantedChange, document: Document | undefined): void {
  if (expectedVersion === 0 || document?.version === expectedVersion) return;
  const present =
    document === undefined ? 'it does not exist any more' : `version ${document.version} is current`;
  throw new CmsError(status.ABORTED, `${kind}/${name}: expected version ${expectedVersion}, but ${present}`);
}
