// Collects what arrives from the followed buckets until a version is whole, so that it can be applied in one step.
import { isDeepStrictEqual } from 'node:util';
import { documentKey, type Head, type PublishedDocument } from '@linchpin/proto/subjects';
import type { Document, DocumentChange } from './document.ts';
import type { DocumentSet } from './document-set.ts';
import { bucketOf, completeDocument, isKind, parseDocumentKey } from './schema.ts';

interface Stage {
  /** What has arrived since the watch began is the whole bucket, not only what changed. */
  whole: boolean;
  changes: Map<string, DocumentChange>;
  /** All keys that exist, while the stage is the whole bucket. */
  seen: Set<string>;
  head: Head | undefined;
  /** The last thing that came is a head: no version is half way through. */
  atHead: boolean;
  /** Nothing that was in the bucket before that is still to come. */
  complete: boolean;
}

export interface Staging {
  /** A new watch of the bucket begins; forgets what was staged of it. */
  restart(bucket: string): void;
  /** The key has a value, whether or not it can be read. */
  exists(bucket: string, key: string): void;
  document(bucket: string, key: string, published: PublishedDocument): void;
  /** The key itself is gone. */
  remove(bucket: string, key: string): void;
  head(bucket: string, head: Head): void;
  complete(bucket: string, complete: boolean): void;
  /** The version that is whole in every followed bucket, with what it changes; undefined while there is none. */
  take(): { head: Head; changes: DocumentChange[] } | undefined;
}

export function createStaging(buckets: readonly string[], current: DocumentSet): Staging {
  const stages = new Map<string, Stage>(buckets.map((bucket) => [bucket, newStage()]));
  const stageOf = (bucket: string) => stages.get(bucket) as Stage;

  function stage(bucket: string, key: string, after: Document | undefined): void {
    const at = stageOf(bucket);
    at.atHead = false;
    const change = changeOf(key, after);
    if (change === undefined) at.changes.delete(key);
    else at.changes.set(key, change);
  }

  function changeOf(key: string, after: Document | undefined): DocumentChange | undefined {
    const id = after ?? parseDocumentKey(key);
    if (id === undefined) return undefined;
    const before = current.get(id.kind, id.name);
    return same(before, after) ? undefined : { kind: id.kind, name: id.name, before, after };
  }

  // A whole bucket also says what is gone: the documents that did not come.
  function vanished(bucket: string, { seen, changes }: Stage): DocumentChange[] {
    return [...current.keysOf(bucket)]
      .filter(([key]) => !seen.has(key) && !changes.has(key))
      .map(([, before]) => ({ kind: before.kind, name: before.name, before, after: undefined }));
  }

  function agreedHead(): Head | undefined {
    const [first, ...others] = [...stages.values()];
    const agreed = (stage: Stage) => isClosed(stage) && isDeepStrictEqual(stage.head, first?.head);
    return first !== undefined && isClosed(first) && others.every(agreed) ? first.head : undefined;
  }

  const changesOf = ([bucket, stage]: [string, Stage]) => [
    ...stage.changes.values(),
    ...(stage.whole ? vanished(bucket, stage) : []),
  ];

  return {
    restart: (bucket) => void stages.set(bucket, newStage()),
    exists: (bucket, key) => void (stageOf(bucket).whole && stageOf(bucket).seen.add(key)),
    document(bucket, key, published) {
      const { kind, name, version, spec } = published;
      // A kind that a newer CMS knows and this release does not.
      if (!isKind(kind)) return;
      // Who could write one key must not thereby write another document (a credential under the key of a policy).
      if (documentKey(kind, name) !== key || bucketOf(kind) !== bucket) return;
      stage(
        bucket,
        key,
        spec === null ? undefined : completeDocument({ kind, name, version, spec } as Document),
      );
    },
    remove(bucket, key) {
      stageOf(bucket).seen.delete(key);
      stage(bucket, key, undefined);
    },
    head: (bucket, head) => void Object.assign(stageOf(bucket), { head, atHead: true }),
    complete: (bucket, complete) => void Object.assign(stageOf(bucket), { complete }),
    take() {
      const head = agreedHead();
      if (head === undefined) return undefined;
      const changes = [...stages].flatMap(changesOf);
      for (const stage of stages.values()) Object.assign(stage, taken());
      return { head, changes };
    },
  };
}

const newStage = (): Stage => ({
  whole: true,
  changes: new Map(),
  seen: new Set(),
  head: undefined,
  atHead: false,
  complete: false,
});

const taken = () => ({ whole: false, changes: new Map(), seen: new Set() });

const isClosed = ({ atHead, complete }: Stage): boolean => atHead && complete;

const same = (before: Document | undefined, after: Document | undefined): boolean =>
  before?.version === after?.version && isDeepStrictEqual(before?.spec, after?.spec);
