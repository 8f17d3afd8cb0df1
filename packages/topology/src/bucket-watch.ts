// Watches one NATS KV bucket for as long as the process lives. Every watch begins with the whole bucket.
import { setTimeout as sleep } from 'node:timers/promises';
import { type KV, Kvm, type KvWatchEntry } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { createCompleteness } from './completeness.ts';
import type { Log, NatsLink } from './replica.ts';

const RETRY_MS = 500;
const CHECK_MS = 5_000;

export interface BucketWatchOptions {
  bucket: string;
  nats: NatsLink;
  log: Log;
  /** Of these keys only, `director.*`. Then `onProgress` follows NATS' own count, which is a hint and no more. */
  keys?: string;
  /** In place of opening a bucket that somebody else makes. */
  open?(connection: NatsConnection): Promise<KV>;
  /** What was seen of the bucket before does not count any more. */
  onStart(): void;
  onEntry(entry: KvWatchEntry): void;
  /** Follows each entry; `complete`: all that was in the bucket before it has been seen. */
  onProgress(complete: boolean): void;
  /** Milliseconds between two looks whether the watch still lives. */
  checkMs?: number;
}

export interface BucketWatch {
  stop(): void;
}

// The client resumes a watch by itself after a reconnect, from the sequence number it had. A store that was lost and
// made anew counts from 1 again, and such a watch would stay silent: so each connect begins a new one. What NATS keeps of
// a watch is on one server even of a cluster, and when that goes while our connection is to another, the client notices
// after a minute: so it is also looked whether the watch still follows the bucket, and whether that is still the same one.
export function watchBucket(options: BucketWatchOptions): BucketWatch {
  let current = new AbortController();
  const unsubscribe = options.nats.onConnected((connection) => {
    current.abort();
    current = new AbortController();
    void watchUntil(current.signal, connection, options);
  });
  return {
    stop() {
      unsubscribe();
      current.abort();
    },
  };
}

async function watchUntil(signal: AbortSignal, connection: NatsConnection, options: BucketWatchOptions) {
  const { bucket, log, open = () => new Kvm(connection).open(bucket) } = options;
  while (!signal.aborted) {
    try {
      await watchOnce(signal, await open(connection), options);
    } catch (error) {
      if (!signal.aborted) log.debug({ err: error, bucket }, 'the bucket cannot be watched yet');
    }
    await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
  }
}

async function watchOnce(signal: AbortSignal, kv: KV, options: BucketWatchOptions): Promise<void> {
  const { onEntry, checkMs = CHECK_MS } = options;
  const { created } = (await kv.status()).streamInfo;
  const entries = await kv.watch({ key: options.keys });
  const end = () => entries.stop();
  signal.addEventListener('abort', end, { once: true });
  let seen = 0;
  const noting: BucketWatchOptions = {
    ...options,
    onEntry(entry) {
      seen = entry.revision;
      onEntry(entry);
    },
  };
  const isDead = createDeadCheck(kv, created, () => seen);
  const check = setInterval(() => void isDead().then((dead) => dead && end()), checkMs);
  try {
    if (!signal.aborted) await pass(entries, signal, kv, noting, end);
  } finally {
    clearInterval(check);
    signal.removeEventListener('abort', end);
    end();
  }
}

async function pass(
  entries: AsyncIterable<KvWatchEntry>,
  signal: AbortSignal,
  kv: KV,
  { keys, onStart, onEntry, onProgress }: BucketWatchOptions,
  end: () => void,
): Promise<void> {
  if (keys !== undefined) return passSome(entries, signal, { onStart, onEntry, onProgress });
  const lastSequence = async () => (await kv.status()).streamInfo.state.last_seq;
  let over = false;
  onStart();
  const completeness = createCompleteness(
    lastSequence,
    () => over || signal.aborted || onProgress(true),
    end,
  );
  for await (const entry of entries) {
    if (signal.aborted) break;
    completeness.saw(entry.revision);
    onEntry(entry);
    onProgress(completeness.whole);
  }
  // An answer that comes now is about a watch that is no more.
  over = true;
}

// The sequences of a part of the keys have gaps, so they cannot tell whether all has come.
async function passSome(
  entries: AsyncIterable<KvWatchEntry>,
  signal: AbortSignal,
  { onStart, onEntry, onProgress }: Pick<BucketWatchOptions, 'onStart' | 'onEntry' | 'onProgress'>,
): Promise<void> {
  onStart();
  for await (const entry of entries) {
    if (signal.aborted) break;
    onEntry(entry);
    onProgress(entry.isUpdate);
  }
}

/**
 * A stream that was deleted and made again has another time of creation. A watch that has brought nothing since the last look,
 * though there was more to bring then, brings nothing any more; where it is of some keys only, that may be wrong and does no harm.
 */
function createDeadCheck(kv: KV, created: string, seen: () => number): () => Promise<boolean> {
  let owed = 0;
  let seenBefore = 0;
  return async function isDead() {
    // Away for the moment: asked again at the next look.
    const info = await kv.status().catch(() => undefined);
    if (info === undefined) return false;
    const { streamInfo } = info;
    const stands = owed > seenBefore && seen() === seenBefore;
    owed = streamInfo.state.last_seq;
    seenBefore = seen();
    return stands || streamInfo.created !== created;
  };
}
