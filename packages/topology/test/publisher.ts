// What CMS does to the buckets, for tests of what follows them.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CONFIG_BUCKET,
  DIRECTORY_BUCKET,
  documentKey,
  HEAD_KEY,
  type Head,
  keyToken,
  REPLICA_BUCKET,
  type ReplicaReport,
} from '@linchpin/proto/subjects';
import { type KV, Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';
import { bucketOf } from '../src/index.ts';
import type { NatsServer } from './nats-server.ts';

export type Change = [
  kind: 'User' | 'Credential' | 'PresencePolicy' | 'Topology',
  name: string,
  spec: unknown,
];

export async function createPublisher(server: NatsServer) {
  const connection = await connect({ port: server.port, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
  const buckets = new Map<string, KV>();

  async function makeBuckets(): Promise<void> {
    for (const bucket of [CONFIG_BUCKET, DIRECTORY_BUCKET, REPLICA_BUCKET])
      buckets.set(bucket, await new Kvm(connection).create(bucket));
  }

  const bucket = (name: string) => buckets.get(name) as KV;

  const put = (version: number, [kind, name, spec]: Change) =>
    bucket(bucketOf(kind)).put(documentKey(kind, name), JSON.stringify({ kind, name, version, spec }));

  async function close(head: Head, ...names: string[]): Promise<void> {
    for (const name of names) await bucket(name).put(HEAD_KEY, JSON.stringify(head));
  }

  return {
    makeBuckets,
    /** Resolves when the server answers again. */
    async back(): Promise<void> {
      while (
        !(await connection.flush().then(
          () => true,
          () => false,
        ))
      )
        await sleep(10);
    },
    bucket,
    put,
    close,
    async publish(version: number, ...changes: Change[]): Promise<void> {
      for (const change of changes) await put(version, change);
      await close({ version, id: randomUUID() }, CONFIG_BUCKET, DIRECTORY_BUCKET);
    },
    async report(pod: string): Promise<ReplicaReport | undefined> {
      return (await bucket(REPLICA_BUCKET).get(keyToken(pod)))?.json<ReplicaReport>();
    },
    end: () => connection.close(),
  };
}

export type Publisher = Awaited<ReturnType<typeof createPublisher>>;
