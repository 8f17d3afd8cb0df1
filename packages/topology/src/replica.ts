// A pod's own copy of the configuration: read from disk at start, kept current from NATS.
import { HEAD_KEY, type Head, type PublishedDocument } from '@linchpin/proto/subjects';
import type { KvWatchEntry } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { type BucketWatch, watchBucket } from './bucket-watch.ts';
import { createDiskCopy } from './disk-copy.ts';
import type { Document, DocumentChange, Kind } from './document.ts';
import { createDocumentSet } from './document-set.ts';
import { createReporter, type Reporter } from './report.ts';
import { bucketOf, completeDocument, isKind } from './schema.ts';
import { createStaging } from './staging.ts';

/** What a replica needs of the link to NATS (`@linchpin/host` makes it): it may be away for any time. */
export interface NatsLink {
  readonly connected: boolean;
  connection(): Promise<NatsConnection>;
  /** Called at once where connected already, then after each reconnect. Returns the way to stop. */
  onConnected(listener: (connection: NatsConnection) => void): () => void;
}

/** A pino logger, or what looks like one. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ReplicaOptions {
  /** The folder of the disk copy. */
  dir: string;
  /** `directory` (users and credentials) only for roles that authenticate or serve users. */
  buckets: ('config' | 'directory')[];
  nats: NatsLink;
  pod: string;
  role: string;
  productVersion: string;
  log: Log;
}

export type ChangeListener = (changes: readonly DocumentChange[], version: number) => void;

export interface Replica {
  /** Reads the disk copy; without one the replica is empty, at version 0. Rejects when the copy is of a newer format. */
  load(): Promise<void>;
  /** Follows NATS from when it comes until `stop`. Never throws. */
  follow(): void;
  /** 0 until a version has been read or has arrived. */
  readonly version: number;
  get<K extends Kind>(kind: K, name: string): Document<K> | undefined;
  list<K extends Kind>(kind: K): Iterable<Document<K>>;
  /** The listeners run, in the order in which they came, after a version has been applied as a whole. */
  onChange(listener: ChangeListener): () => void;
  /** Resolves when the version that is applied is on disk. */
  stop(): Promise<void>;
}

const NO_HEAD: Head = { version: 0, id: '' };

export function createReplica({ dir, buckets, nats, log, ...pod }: ReplicaOptions): Replica {
  const documents = createDocumentSet();
  const staging = createStaging(buckets, documents);
  const disk = createDiskCopy(dir, log);
  const listeners = new Set<ChangeListener>();
  let watches: BucketWatch[] = [];
  let reporter: Reporter | undefined;
  let head = NO_HEAD;

  const isFollowed = ({ kind }: Document) => isKind(kind) && (buckets as string[]).includes(bucketOf(kind));

  async function load(): Promise<void> {
    const snapshot = await disk.read();
    if (snapshot === undefined) return;
    head = snapshot.head;
    commit(snapshot.documents.filter(isFollowed).map(created));
    log.info({ version: head.version }, 'started from the disk copy of the configuration');
  }

  function onEntry(bucket: string, entry: KvWatchEntry): void {
    try {
      stage(bucket, entry);
    } catch (error) {
      log.error({ err: error, bucket, key: entry.key }, 'this entry of the configuration cannot be read');
    }
  }

  function onProgress(bucket: string, complete: boolean): void {
    staging.complete(bucket, complete);
    const next = staging.take();
    if (next !== undefined) advance(next.head, next.changes);
  }

  function stage(bucket: string, entry: KvWatchEntry): void {
    if (entry.operation !== 'PUT') return staging.remove(bucket, entry.key);
    staging.exists(bucket, entry.key);
    if (entry.key === HEAD_KEY) staging.head(bucket, entry.json<Head>());
    else staging.document(bucket, entry.key, entry.json<PublishedDocument>());
  }

  function advance(next: Head, changes: DocumentChange[]): void {
    if (next.version === head.version && next.id === head.id && changes.length === 0) return;
    const fields = { version: next.version, before: head.version, documents: changes.length };
    if (next.version < head.version) log.warn(fields, 'the configuration went back: CMS was restored');
    else log.info(fields, 'the configuration changed');
    head = next;
    commit(changes);
    disk.save(() => ({ head, documents: documents.all() }));
    reporter?.report();
  }

  function commit(changes: DocumentChange[]): void {
    documents.apply(changes);
    for (const listener of listeners) tell(listener, changes);
  }

  function tell(listener: ChangeListener, changes: DocumentChange[]): void {
    try {
      listener(changes, head.version);
    } catch (error) {
      log.error({ err: error, version: head.version }, 'a part of the role failed to take the configuration');
    }
  }

  function follow(): void {
    reporter = createReporter(nats, () => ({ ...pod, version: head.version }));
    watches = buckets.map((bucket) =>
      watchBucket({
        bucket,
        nats,
        log,
        onStart: () => staging.restart(bucket),
        onEntry: (entry) => onEntry(bucket, entry),
        onProgress: (complete) => onProgress(bucket, complete),
      }),
    );
  }

  return {
    load,
    follow,
    get version() {
      return head.version;
    },
    get: documents.get,
    list: documents.list,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      for (const watch of watches) watch.stop();
      reporter?.stop();
      await disk.close();
    },
  };
}

// An older release may have written the copy.
const created = (document: Document): DocumentChange => ({
  kind: document.kind,
  name: document.name,
  before: undefined,
  after: completeDocument(document),
});
