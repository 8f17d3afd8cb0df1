// Everything of a room, or of a user, as an archive that proves itself.
import { createHash } from 'node:crypto';
import { ChatError } from '../../chat.ts';
import type { Database } from '../../database/database.ts';
import { type AuditHead, audit } from '../audit.ts';
import { link } from '../chain.ts';
import { findScope } from '../query.ts';
import { type ChainRow, eventsOf } from '../store-rows.ts';
import { broken, type Exported } from './exported.ts';
import { EXPORT_FORMAT, MANIFEST, type Manifest, type ManifestFile, type ManifestScope } from './manifest.ts';
import { tarEnd, tarEntry } from './tar.ts';
import { chainsOfUser, userEvents } from './user-events.ts';

export interface ExportOrder {
  /** Id or name; or `user`. */
  room?: string;
  /** The id of the room, where it is known which one is meant. */
  scope?: string | undefined;
  user?: string;
  reason: string;
  now?: () => Date;
}

/** The bytes of a file of the archive are held in memory. */
const FILE_EVENTS = 5_000;
const FILE_BYTES = 4 * 1024 * 1024;

interface Writing {
  at: Date;
  audit: AuditHead;
  scopes: ManifestScope[];
  files: ManifestFile[];
}

/**
 * A tar archive in pieces: files with events (NDJSON), `manifest.json` last. Rejects with ChatError: `not-found`, or `conflict` when
 * the chain is not whole, or retention cuts it off while it is read.
 */
export async function* exportArchive(
  database: Database,
  who: string,
  { room, scope, user, reason, now = () => new Date() }: ExportOrder,
): AsyncGenerator<Buffer> {
  const of = orderOf(room, user);
  const head = await audit(database, who, 'export', { of, scope, reason });
  const writing: Writing = { at: now(), audit: head, scopes: [], files: [] };
  for await (const chain of chainsFor(database, of, scope)) {
    const events =
      of.user === undefined ? chainEvents(database, chain) : userEvents(database, of.user, chain);
    yield* writeScope(writing, chain, events);
  }
  const manifest = manifestOf(writing, of, who, reason);
  const sha256 = createHash('sha256').update(manifest).digest('hex');
  // An archive that was made anew by somebody else has a manifest with another hash than the one in the audit.
  await audit(database, who, 'exported', { of, manifest: sha256, files: writing.files.length });
  yield tarEntry(MANIFEST, manifest, writing.at);
  yield tarEnd();
}

function orderOf(room = '', user = ''): Manifest['of'] {
  if ((room === '') === (user === ''))
    throw new ChatError('invalid', 'an export is of a room or of a user: give one of them');
  return room === '' ? { user } : { room };
}

async function* chainsFor(
  database: Database,
  { room, user }: Manifest['of'],
  scope: string | undefined,
): AsyncGenerator<ChainRow> {
  if (user !== undefined) yield* chainsOfUser(database, user);
  if (room !== undefined) yield await database.use((client) => findScope(client, scope ?? room));
}

async function* chainEvents(database: Database, chain: ChainRow): AsyncGenerator<Exported> {
  let seq = chain.cutSeq;
  let previous = chain.cutHash;
  for await (const row of eventsOf(database, chain.scope, chain.cutSeq, chain.seq)) {
    if (row.seq !== seq + 1 || !link(previous, row.event).equals(row.hash)) throw broken(chain, seq + 1);
    yield { ...row, previous };
    seq = row.seq;
    previous = row.hash;
  }
  if (seq !== chain.seq || !previous.equals(chain.hash)) throw broken(chain, seq + 1);
}

async function* writeScope(
  writing: Writing,
  chain: ChainRow,
  events: AsyncIterable<Exported>,
): AsyncGenerator<Buffer> {
  const first = writing.files.length;
  let lines: string[] = [];
  let rows: Exported[] = [];
  let bytes = 0;
  for await (const row of events) {
    const line = lineOf(row, rows.at(-1));
    lines.push(line);
    rows.push(row);
    bytes += line.length;
    if (rows.length < FILE_EVENTS && bytes < FILE_BYTES) continue;
    yield writeFile(writing, chain, lines, rows);
    [lines, rows, bytes] = [[], [], 0];
  }
  if (rows.length > 0) yield writeFile(writing, chain, lines, rows);
  const files = writing.files.slice(first);
  writing.scopes.push(scopeOf(chain, files));
}

function lineOf({ event, hash, previous, seq }: Exported, before: Exported | undefined): string {
  const follows = before !== undefined && before.seq + 1 === seq;
  const tail = follows ? '' : `,"previous":"${previous.toString('hex')}"`;
  return `{"event":${event},"hash":"${hash.toString('hex')}"${tail}}\n`;
}

function writeFile(writing: Writing, { scope }: ChainRow, lines: string[], rows: Exported[]): Buffer {
  const firstSeq = rows[0]?.seq ?? 0;
  const content = Buffer.from(lines.join(''));
  const path = `events/${scope}/${String(firstSeq).padStart(12, '0')}.ndjson`;
  const sha256 = createHash('sha256').update(content).digest('hex');
  const lastSeq = rows.at(-1)?.seq ?? 0;
  writing.files.push({ path, bytes: content.length, sha256, scope, events: rows.length, firstSeq, lastSeq });
  return tarEntry(path, content, writing.at);
}

const scopeOf = (chain: ChainRow, files: readonly ManifestFile[]): ManifestScope => ({
  scope: chain.scope,
  name: chain.name,
  events: files.reduce((sum, { events }) => sum + events, 0),
  firstSeq: files[0]?.firstSeq ?? 0,
  lastSeq: files.at(-1)?.lastSeq ?? 0,
  cutSeq: chain.cutSeq,
  cutHash: chain.cutHash.toString('hex'),
  headSeq: chain.seq,
  headHash: chain.hash.toString('hex'),
});

function manifestOf(writing: Writing, of: Manifest['of'], by: string, reason: string): Buffer {
  const { at, audit: head, scopes, files } = writing;
  const manifest: Manifest = {
    format: EXPORT_FORMAT,
    createdAt: at.toISOString(),
    by,
    reason,
    of,
    scopes,
    files,
    audit: { seq: head.seq, hash: head.hash.toString('hex') },
  };
  return Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`);
}
