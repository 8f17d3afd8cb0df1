// Checks an export with nothing but the export: `node verify-export.ts <archive.tar or folder> [hash of the manifest]`. Exit code 1:
// it is not as it was exported; 2: it cannot be read, or was asked for in a wrong way.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { canonical } from '../canonical.ts';
import { link } from '../chain.ts';
import { EXPORT_FORMAT, type ExportLine, MANIFEST, type Manifest, type ManifestFile } from './manifest.ts';
import { readTar } from './tar.ts';

export interface ExportCheck {
  /** What is not as the manifest or the chain says, each with its file and, where it is one, the number of the event. */
  problems: string[];
  events: number;
  manifest: Manifest | undefined;
  /** Hex SHA-256 of the manifest: the store's audit has the one that was given out. */
  manifestHash: string;
}

/** What is remembered of a file until the manifest, which comes last, is there. */
interface Seen extends Omit<ManifestFile, 'scope'> {
  scope: string | undefined;
  firstPrevious: string | undefined;
  lastHash: string;
  hasGaps: boolean;
}

/** Rejects with Error where `path` cannot be read; what is wrong with its content is in `problems`. */
export async function verifyExport(path: string): Promise<ExportCheck> {
  const problems: string[] = [];
  const files = new Map<string, Seen>();
  let manifest: Buffer | undefined;
  for await (const { path: name, content } of filesOf(path, problems)) {
    if (name === MANIFEST) manifest = content;
    else if (files.has(name)) problems.push(`${name}: is there twice`);
    else files.set(name, look(name, content, problems));
  }
  const parsed = manifest && parseManifest(manifest, problems);
  if (manifest === undefined) problems.push(`${MANIFEST} is missing`);
  if (parsed !== undefined) compare(parsed, files, problems);
  return {
    problems,
    events: [...files.values()].reduce((sum, { events }) => sum + events, 0),
    manifest: parsed,
    manifestHash: sha256(manifest ?? Buffer.alloc(0)),
  };
}

async function* filesOf(path: string, problems: string[]): AsyncGenerator<{ path: string; content: Buffer }> {
  if ((await stat(path)).isDirectory()) {
    for (const entry of (await readdir(path, { recursive: true, withFileTypes: true })).sort(byPath)) {
      if (entry.isDirectory()) continue;
      const file = join(entry.parentPath, entry.name);
      yield { path: relative(path, file).split(sep).join('/'), content: await readFile(file) };
    }
    return;
  }
  try {
    yield* readTar(createReadStream(path));
  } catch (error) {
    problems.push((error as Error).message);
  }
}

const byPath = (a: { parentPath: string; name: string }, b: { parentPath: string; name: string }): number =>
  join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1;

function parseManifest(content: Buffer, problems: string[]): Manifest | undefined {
  try {
    const manifest = JSON.parse(content.toString('utf8')) as Manifest;
    if (manifest.format === EXPORT_FORMAT && Array.isArray(manifest.files) && Array.isArray(manifest.scopes))
      return manifest;
    problems.push(`${MANIFEST}: is not of the format ${EXPORT_FORMAT}`);
  } catch (error) {
    problems.push(`${MANIFEST}: ${(error as Error).message}`);
  }
  return undefined;
}

/** Goes along the chain inside of one file. */
function look(path: string, content: Buffer, problems: string[]): Seen {
  const seen: Seen = {
    path,
    bytes: content.length,
    sha256: sha256(content),
    scope: undefined,
    events: 0,
    firstSeq: 0,
    lastSeq: 0,
    firstPrevious: undefined,
    lastHash: '',
    hasGaps: false,
  };
  for (const text of content.toString('utf8').split('\n')) {
    if (text === '') continue;
    const why = lookAt(text, seen);
    if (why !== undefined) {
      problems.push(`${path}: ${why}`);
      return seen;
    }
  }
  return seen;
}

/** Resolves to what is wrong with this line. */
function lookAt(text: string, seen: Seen): string | undefined {
  const line = parseLine(text);
  if (line === undefined) return `line ${seen.events + 1} is no event`;
  const { event, hash, previous = seen.lastHash } = line;
  const { scope, seq } = event as { scope: string; seq: number };
  if (!link(Buffer.from(previous, 'hex'), canonical(event)).equals(Buffer.from(hash, 'hex')))
    return `event ${seq} is altered: its hash is another one`;
  if (seen.events > 0 && scope !== seen.scope) return `event ${seq} is of another room`;
  if (seen.events > 0 && seq <= seen.lastSeq) return `event ${seq} comes after ${seen.lastSeq}`;
  if (seen.events > 0 && seq === seen.lastSeq + 1 && previous !== seen.lastHash)
    return `event ${seq} does not follow the one before it`;
  if (seen.events > 0 && seq !== seen.lastSeq + 1) seen.hasGaps = true;
  if (seen.events === 0) [seen.firstSeq, seen.firstPrevious, seen.scope] = [seq, previous, scope];
  seen.events++;
  [seen.lastSeq, seen.lastHash] = [seq, hash];
  return undefined;
}

function parseLine(text: string): ExportLine | undefined {
  try {
    const line = JSON.parse(text) as ExportLine;
    const isLine = typeof line.event === 'object' && line.event !== null && typeof line.hash === 'string';
    return isLine ? line : undefined;
  } catch {
    return undefined;
  }
}

function compare(manifest: Manifest, files: Map<string, Seen>, problems: string[]): void {
  const named = new Set<string>();
  for (const file of manifest.files) {
    named.add(file.path);
    const seen = files.get(file.path);
    if (seen === undefined) problems.push(`${file.path} is missing`);
    else compareFile(file, seen, problems);
  }
  for (const path of files.keys()) if (!named.has(path)) problems.push(`${path} is not in ${MANIFEST}`);
  for (const scope of manifest.scopes) compareScope(manifest, scope, files, problems);
}

function compareFile(file: ManifestFile, seen: Seen, problems: string[]): void {
  for (const field of ['bytes', 'sha256', 'scope', 'events', 'firstSeq', 'lastSeq'] as const)
    if (file[field] !== seen[field])
      problems.push(`${file.path}: ${field} is ${seen[field]}, ${MANIFEST} says ${file[field]}`);
}

function compareScope(
  manifest: Manifest,
  scope: Manifest['scopes'][number],
  files: Map<string, Seen>,
  problems: string[],
): void {
  const own = [...files.values()]
    .filter((file) => file.scope === scope.scope)
    .sort((a, b) => a.firstSeq - b.firstSeq);
  const events = own.reduce((sum, file) => sum + file.events, 0);
  if (events !== scope.events)
    problems.push(`${scope.scope}: ${events} events, ${MANIFEST} says ${scope.events}`);
  if (manifest.of.room !== undefined) compareWhole(scope, own, problems);
}

/** Of a room: from the cut to the head without a gap, over all files. */
function compareWhole(scope: Manifest['scopes'][number], files: readonly Seen[], problems: string[]): void {
  let [seq, hash] = [scope.cutSeq, scope.cutHash];
  for (const file of files) {
    if (file.hasGaps || file.firstSeq !== seq + 1)
      problems.push(`${file.path}: events are missing after ${file.hasGaps ? file.firstSeq : seq}`);
    else if (file.firstPrevious !== hash) problems.push(`${file.path}: does not follow event ${seq}`);
    [seq, hash] = [file.lastSeq, file.lastHash];
  }
  if (seq !== scope.headSeq)
    problems.push(`${scope.scope}: ends at event ${seq}, ${MANIFEST} says ${scope.headSeq}`);
  else if (hash !== scope.headHash)
    problems.push(`${scope.scope}: ends with another hash than ${MANIFEST} says`);
}

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

async function main([path, wantedHash]: string[]): Promise<number> {
  if (path === undefined) {
    console.error('usage: verify-export <archive.tar or folder> [SHA-256 of manifest.json, from the audit]');
    return 2;
  }
  if (wantedHash === '') {
    console.error('The hash is empty, so nothing would be compared: give that of the audit, or none.');
    return 2;
  }
  const check = await verifyExport(path).catch((error: Error) => error);
  if (check instanceof Error) {
    console.error(`Cannot read the export: ${check.message}`);
    return 2;
  }
  const { problems, events, manifestHash } = check;
  if (wantedHash !== undefined && wantedHash !== manifestHash)
    problems.push(`${MANIFEST} has the hash ${manifestHash}, not ${wantedHash}`);
  for (const problem of problems) console.error(problem);
  console.log(
    problems.length === 0 ? `whole: ${events} events; ${MANIFEST} ${manifestHash}` : 'not as it was exported',
  );
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.exitCode = await main(process.argv.slice(2));
