import { randomBytes } from 'node:crypto';
import type { NatsLink } from '@linchpin/host';
import {
  CONFIG_BUCKET,
  DIRECTORY_BUCKET,
  documentKey,
  HEAD_KEY,
  REPLICA_BUCKET,
} from '@linchpin/proto/subjects';
import { bucketOf, isKind } from '@linchpin/topology';
import { type KV, Kvm } from '@nats-io/kv';

export interface LabDocument {
  kind: string;
  name: string;
  /** null deletes the document. */
  spec: unknown;
}

/** Stands in for CMS: puts documents into the buckets that roles follow, as one version. */
export interface Publisher {
  /** Resolves with the version. */
  publish(documents: readonly LabDocument[]): Promise<number>;
}

const isPersonal = ({ kind }: LabDocument): boolean => isKind(kind) && bucketOf(kind) === DIRECTORY_BUCKET;

export function createPublisher(connect: () => Promise<NatsLink>): Publisher {
  let link: Promise<NatsLink> | undefined;
  let version = 0;

  async function buckets(): Promise<{ config: KV; directory: KV }> {
    link ??= connect();
    const kvm = new Kvm(await (await link).connection());
    await kvm.create(REPLICA_BUCKET);
    return { config: await kvm.create(CONFIG_BUCKET), directory: await kvm.create(DIRECTORY_BUCKET) };
  }

  return {
    async publish(documents) {
      const { config, directory } = await buckets();
      const known = await config.get(HEAD_KEY);
      version =
        Math.max(version, known?.operation === 'PUT' ? (known.json() as { version: number }).version : 0) + 1;
      for (const document of documents) {
        const bucket = isPersonal(document) ? directory : config;
        await bucket.put(documentKey(document.kind, document.name), JSON.stringify({ ...document, version }));
      }
      const head = JSON.stringify({ version, id: randomBytes(8).toString('hex') });
      await config.put(HEAD_KEY, head);
      await directory.put(HEAD_KEY, head);
      return version;
    },
  };
}
