import { MEMBERS_BUCKET } from '@linchpin/proto/subjects';
import { jetstream, StorageType } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';

/** A pod that has been silent for so long does not come back; a restart of a pod writes its key anew. */
const FORGET_MS = 60_000;
const REPLICAS = 3;
/** NATS may elect a leader for some seconds: who waits for an answer of before that comes late. */
const ANSWER_MS = 1_000;
/** JetStream's code for "replicas > 1 not supported in non-clustered mode". */
const NOT_CLUSTERED = 10_074;

/**
 * Made by whoever needs it first. In memory on a single server: a heartbeat is worth nothing seconds later, so a disk would be
 * written to all day for nothing; what a restart of NATS loses is there again within a heartbeat. On three servers where NATS is
 * a cluster, so that the members outlive one of them, and then in files: servers that have all restarted elect no leader for a
 * stream in memory before the last of them is back, so the loss of one would keep every lease from being held.
 */
export async function openOrMake(connection: NatsConnection): Promise<KV> {
  const bucket = await open(connection);
  try {
    await bucket.status();
    return bucket;
  } catch (error) {
    if (codeOf(error) !== STREAM_NOT_FOUND) throw error;
    return make(connection);
  }
}

/** For a role that may not make it: rejects until somebody else has. */
export const open = (connection: NatsConnection): Promise<KV> => clientOf(connection).open(MEMBERS_BUCKET);

const clientOf = (connection: NatsConnection): Kvm =>
  new Kvm(jetstream(connection, { timeout: ANSWER_MS, checkAPI: false }));

const STREAM_NOT_FOUND = 10_059;

async function make(connection: NatsConnection): Promise<KV> {
  const kvm = clientOf(connection);
  const options = { history: 1, ttl: FORGET_MS };
  try {
    return await kvm.create(MEMBERS_BUCKET, { ...options, storage: StorageType.File, replicas: REPLICAS });
  } catch (error) {
    if (codeOf(error) !== NOT_CLUSTERED) throw error;
    return kvm.create(MEMBERS_BUCKET, { ...options, storage: StorageType.Memory, replicas: 1 });
  }
}

const codeOf = (error: unknown): number | undefined => (error as { code?: number }).code;
