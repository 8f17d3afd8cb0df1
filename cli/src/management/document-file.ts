import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { type Document, parseAllDocuments } from 'yaml';
import { CliError, EXIT } from '../cli-error.ts';
import { kindOf } from './kinds.ts';

/** One document as people write it. */
export interface WrittenDocument {
  kind: string;
  name: string;
  spec: Record<string, unknown>;
  /** As `get` showed it: refused when somebody else changed the document since. */
  version?: number;
  /** Only for users. */
  password?: string;
}

const KEYS = new Set(['kind', 'name', 'spec', 'version', 'password']);

/** YAML with one or more documents, or JSON with one or a list of them; `-` reads stdin. */
export async function readDocuments(path: string): Promise<WrittenDocument[]> {
  const content = path === '-' ? await text(process.stdin) : await readFile(path, 'utf8').catch(unreadable);
  const documents = parseDocuments(content, path === '-' ? 'stdin' : path);
  if (documents.length === 0) throw new CliError(`${path} holds no document.`, EXIT.usage);
  return documents;
}

function unreadable(cause: Error): never {
  throw new CliError(`Cannot read the file: ${cause.message}`, EXIT.usage, { cause });
}

export function parseDocuments(content: string, source: string): WrittenDocument[] {
  const parsed = parseAllDocuments(content);
  const values: unknown[] = [];
  for (const document of parsed) {
    const [problem] = document.errors;
    if (problem !== undefined) throw new CliError(`${source}: ${problem.message}`, EXIT.usage);
    const value = followed(document, source);
    values.push(...(Array.isArray(value) ? value : [value]));
  }
  return values
    .filter((value) => value !== null)
    .map((value, index) => check(value, `${source}, document ${index + 1}`));
}

/** Aliases are followed here: to an anchor that does not exist, or so many that no people wrote them. */
function followed(document: Document.Parsed, source: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw new CliError(`${source}: ${(cause as Error).message}`, EXIT.usage, { cause });
  }
}

function check(value: unknown, where: string): WrittenDocument {
  if (typeof value !== 'object' || value === null)
    throw new CliError(`${where}: is not a document`, EXIT.usage);
  const document = value as Record<string, unknown>;
  const unknown = Object.keys(document).filter((key) => !KEYS.has(key));
  if (unknown.length > 0) throw new CliError(`${where}: unknown key ${unknown.join(', ')}`, EXIT.usage);
  requireType(document, 'kind', 'string', where);
  requireType(document, 'name', 'string', where);
  requireType(document, 'spec', 'object', where);
  if (document.version !== undefined) requireVersion(document.version, where);
  // YAML reads 00123 as the number 123, which would be another password.
  if (document.password !== undefined) requireType(document, 'password', 'string', where);
  return { ...(value as WrittenDocument), kind: kindOf(document.kind as string) };
}

function requireVersion(version: unknown, where: string): void {
  if (Number.isSafeInteger(version) && (version as number) >= 0) return;
  throw new CliError(`${where}: version must be a number as get shows it`, EXIT.usage);
}

const FORMS = { object: 'a set of keys', string: 'text' };

function requireType(
  document: Record<string, unknown>,
  key: string,
  type: keyof typeof FORMS,
  where: string,
): void {
  const value = document[key];
  const matches = typeof value === type && value !== null && !Array.isArray(value);
  if (!matches) throw new CliError(`${where}: ${key} must be ${FORMS[type]}`, EXIT.usage);
}
