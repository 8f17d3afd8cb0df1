// One of the buckets that roles follow, brought to the state that PostgreSQL holds.
import { documentKey, HEAD_KEY, type Head, type PublishedDocument } from '@linchpin/proto/subjects';
import type { KV, KvEntry } from '@nats-io/kv';
import { z } from 'zod';

export interface Source {
  head: Head;
  /** Whether the head is of a version that led to the present one. */
  isPast(head: Head): Promise<boolean>;
  changesSince(version: number): AsyncIterable<PublishedDocument[]>;
}

const AT_ONCE = 256;

/** Writes what the bucket lacks, its head last. Resolves to the number of documents written; undefined: lacked nothing. */
export async function bringUpToDate(kv: KV, source: Source): Promise<number | undefined> {
  const entry = await kv.get(HEAD_KEY);
  const head = entry === null ? undefined : readHead(entry);
  // A head is written last: what stands behind it is of a push that broke off, or came from somebody else.
  const isWhole = entry?.revision === (await lastSequence(kv));
  if (isWhole && head?.version === source.head.version && head.id === source.head.id) return undefined;
  // So a bucket that is not whole is written anew, as is one that is empty or of another past (CMS was restored from a backup).
  const isBehind =
    isWhole && head !== undefined && head.version < source.head.version && (await source.isPast(head));
  const written = isBehind ? await writeAfter(kv, source, head.version) : await writeAll(kv, source);
  await kv.put(HEAD_KEY, JSON.stringify(source.head));
  return written;
}

/** What is no head counts as none. */
function readHead(entry: KvEntry): Head | undefined {
  try {
    return headShape.parse(entry.json());
  } catch {
    return undefined;
  }
}

const headShape = z.object({ version: z.int(), id: z.string() });

const lastSequence = async (kv: KV): Promise<number> => (await kv.status()).streamInfo.state.last_seq;

async function writeAfter(kv: KV, { changesSince }: Source, version: number): Promise<number> {
  let written = 0;
  for await (const batch of changesSince(version)) {
    await inParallel(batch, (document) => put(kv, document));
    written += batch.length;
  }
  return written;
}

async function writeAll(kv: KV, { changesSince }: Source): Promise<number> {
  const leftover = await keysOf(kv);
  let written = 0;
  for await (const batch of changesSince(0)) {
    for (const { kind, name } of batch) leftover.delete(documentKey(kind, name));
    await inParallel(batch, (document) => put(kv, document));
    written += batch.length;
  }
  await inParallel([...leftover], (key) => kv.purge(key));
  return written;
}

async function keysOf(kv: KV): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const key of await kv.keys()) if (key !== HEAD_KEY) keys.add(key);
  return keys;
}

const put = (kv: KV, document: PublishedDocument): Promise<number> =>
  kv.put(documentKey(document.kind, document.name), JSON.stringify(document));

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += AT_ONCE)
    await Promise.all(items.slice(at, at + AT_ONCE).map(run));
}
