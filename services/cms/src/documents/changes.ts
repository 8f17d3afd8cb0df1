// What a caller wants changed, checked as far as that goes without knowing what is there.
import type { Change as RpcChange } from '@linchpin/proto/cms/v1/cms';
import { Change_Action } from '@linchpin/proto/cms/v1/cms';
import {
  type Document,
  deletionProblem,
  isKind,
  type Kind,
  kinds,
  MAX_SPEC_BYTES,
  type Problem,
  parseDocument,
  TopologyError,
} from '@linchpin/topology';
import { invalid } from '../cms-error.ts';
import { problemsToText } from './problems.ts';

interface Target {
  kind: Kind;
  name: string;
  /** When not 0, the version that the caller last saw. */
  expectedVersion: number;
}

export interface Put extends Target {
  action: 'create' | 'apply';
  document: Document;
  /** Empty: leave the user's credential as it is. */
  password: string;
}

export interface Deletion extends Target {
  action: 'delete';
}

export type WantedChange = Put | Deletion;

const MAX_PASSWORD_LENGTH = 255;
const MAX_CHANGES = 10_000;

/** Reads all changes of a request; throws INVALID_ARGUMENT with everything that is wrong. */
export function readChanges(changes: readonly RpcChange[]): WantedChange[] {
  if (changes.length > MAX_CHANGES) throw invalid(`at most ${MAX_CHANGES} changes make one version`);
  const problems: Problem[] = [];
  const wanted = changes.flatMap((change, index) => {
    try {
      return [readChange(change, index)];
    } catch (error) {
      if (!(error instanceof TopologyError)) throw error;
      problems.push(...error.problems);
      return [];
    }
  });
  problems.push(...repeated(wanted));
  if (problems.length > 0) throw invalid(problemsToText(problems));
  return wanted;
}

function readChange(change: RpcChange, index: number): WantedChange {
  const { document, action, password, expectedVersion } = change;
  if (document === undefined) throw one(`changes[${index}]`, 'document', 'is missing');
  const { kind, name } = document;
  const id = `${kind}/${name}`;
  if (!isKind(kind) || !kinds.includes(kind)) throw one(id, 'kind', `must be one of ${kinds.join(', ')}`);
  checkPassword(id, change);
  if (action === Change_Action.DELETE) return readDeletion(kind, name, expectedVersion);
  if (action !== Change_Action.CREATE && action !== Change_Action.APPLY)
    throw one(id, 'action', 'must be create, apply or delete');
  return {
    action: action === Change_Action.CREATE ? 'create' : 'apply',
    kind,
    name,
    document: parseDocument(kind, name, parseSpec(id, document.spec)),
    expectedVersion,
    password,
  };
}

function readDeletion(kind: Kind, name: string, expectedVersion: number): Deletion {
  const problem = deletionProblem(kind, name);
  if (problem !== undefined) throw TopologyError.of([problem]);
  return { action: 'delete', kind, name, expectedVersion };
}

function checkPassword(id: string, { document, action, password }: RpcChange): void {
  if (password === '') return;
  if (document?.kind !== 'User' || action === Change_Action.DELETE)
    throw one(id, 'password', 'is only for creating or changing a User');
  if (password.length > MAX_PASSWORD_LENGTH || /\p{Cc}/u.test(password))
    throw one(id, 'password', `must be at most ${MAX_PASSWORD_LENGTH} characters without control characters`);
}

function parseSpec(id: string, text: string): unknown {
  if (Buffer.byteLength(text) > MAX_SPEC_BYTES)
    throw one(id, 'spec', `must be at most ${MAX_SPEC_BYTES} bytes`);
  try {
    return JSON.parse(text === '' ? '{}' : text);
  } catch {
    // The parser's message would repeat the text.
    throw one(id, 'spec', 'is not JSON');
  }
}

function repeated(wanted: readonly WantedChange[]): Problem[] {
  const seen = new Set<string>();
  return wanted.flatMap(({ kind, name }) => {
    const document = `${kind}/${name}`;
    if (seen.has(document)) return [{ document, path: '', message: 'is changed twice in one request' }];
    seen.add(document);
    return [];
  });
}

const one = (document: string, path: string, message: string): TopologyError =>
  TopologyError.of([{ document, path, message }]);
