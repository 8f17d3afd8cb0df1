// The documents that a replica holds, by kind and name, and the difference that a new version makes.
import { documentKey } from '@linchpin/proto/subjects';
import type { Document, DocumentChange, Kind } from './document.ts';
import { allKinds, bucketOf } from './schema.ts';

export interface DocumentSet {
  get<K extends Kind>(kind: K, name: string): Document<K> | undefined;
  list<K extends Kind>(kind: K): Iterable<Document<K>>;
  all(): Document[];
  /** The NATS keys of all documents of one bucket. */
  keysOf(bucket: string): Map<string, Document>;
  apply(changes: readonly DocumentChange[]): void;
}

export function createDocumentSet(): DocumentSet {
  const byKind = new Map<Kind, Map<string, Document>>(allKinds.map((kind) => [kind, new Map()]));
  const ofKind = <K extends Kind>(kind: K) => byKind.get(kind) as Map<string, Document<K>>;

  function applyOne({ kind, name, after }: DocumentChange): void {
    if (after === undefined) ofKind(kind).delete(name);
    else ofKind(kind).set(name, after);
  }

  return {
    get: (kind, name) => ofKind(kind).get(name),
    list: (kind) => ofKind(kind).values(),
    all: () => [...byKind.values()].flatMap((documents) => [...documents.values()]),
    keysOf: (bucket) =>
      new Map(
        allKinds
          .filter((kind) => bucketOf(kind) === bucket)
          .flatMap((kind) => [...ofKind(kind).values()])
          .map((document) => [documentKey(document.kind, document.name), document]),
      ),
    apply: (changes) => changes.forEach(applyOne),
  };
}
