// One of the buckets that roles follow, brought to the state that PostgreSQL holds.
import { documentKey, HEAD_KEY, type Head, type PublishedDocument } from '@linchpin/proto/subjects';
import type { KV, KvEntry } from '@nats-io/kv';
import { z } from 'zod';
import type { FencedBucket } from './fenced-bucket.ts';

export interface Source {
  head: Head;
  /** Whether the head is of a version that led to the present one. */
  isPast(head: Head): Promise<boolean>;
  changesSince(version: number): AsyncIterable<PublishedDocument[]>;
}

const AT_ONCE = 256;
/** The listing of keys is one stream of messages without an end that is sure to come: NATS may restart in between. */
const LISTING_MS = 10_000;

/**
 * Writes what the bucket lacks, its head last. Resolves to the number of documents written; undefined: lacked nothing. Rejects
 * when somebody else writes meanwhile: nothing that this pod has read of the bucket counts any more then.
 */
export async function bringUpToDate(bucket: FencedBucket, source: Source): Promise<number | undefined> {
  const { kv } = bucket;
  const last = await lastSequence(kv);
  const entry = await kv.get(HEAD_KEY);
  bucket.follow(last);
  const head = entry === null ? undefined : readHead(entry);
  // A head is written last: what stands behind it is of a push that broke off, or came from somebody else.
  const isWhole = entry?.revision === last;
  if (isWhole && head?.version === source.head.version && head.id === source.head.id) return undefined;
  // So a bucket that is not whole is written anew, as is one that is empty or of another past (CMS was restored from a backup).
  const isBehind =
    isWhole && head !== undefined && head.version < source.head.version && (await source.isPast(head));
  const written = isBehind ? await writeAfter(bucket, source, head.version) : await writeAll(bucket, source);
  await bucket.put(HEAD_KEY, JSON.stringify(source.head));
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

async function writeAfter(bucket: FencedBucket, { changesSince }: Source, version: number): Promise<number> {
  let written = 0;
  for await (const batch of changesSince(version)) {
    await inParallel(batch, (document) => put(bucket, document));
    written += batch.length;
  }
  return written;
}

async function writeAll(bucket: FencedBucket, { changesSince }: Source): Promise<number> {
  const leftover = await keysOf(bucket.kv);
  let written = 0;
  for await (const batch of changesSince(0)) {
    for (const { kind, name } of batch) leftover.delete(documentKey(kind, name));
    await inParallel(batch, (document) => put(bucket, document));
    written += batch.length;
  }
  await inParallel([...leftover], (key) => bucket.purge(key));
  return written;
}

async function keysOf(kv: KV): Promise<Set<string>> {
  const keys = new Set<string>();
  const listing = await kv.keys();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    listing.stop();
  }, LISTING_MS);
  for await (const key of listing) if (key !== HEAD_KEY) keys.add(key);
  clearTimeout(timer);
  if (late) throw new Error(`the keys of a bucket were not listed within ${LISTING_MS / 1000} s`);
  return keys;
}

const put = (bucket: FencedBucket, document: PublishedDocument): Promise<void> =>
  bucket.put(documentKey(document.kind, document.name), JSON.stringify(document));

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += AT_ONCE)
    await Promise.all(items.slice(at, at + AT_ONCE).map(run));
}
