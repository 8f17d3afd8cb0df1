// The queue between what happens in rooms and the compliance store. Whoever comes first makes it: publishers and consumers alike.
import { CHAT_EVENTS, CHAT_EVENTS_STREAM } from '@linchpin/proto/chat-events';
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';

/** The one consumer of the work queue: what it has acknowledged is gone. */
export const COMPLIANCE_CONSUMER = 'compliance';

/** Names the pod that published: it has told its own sessions already. */
export const POD_HEADER = 'Linchpin-Pod';

/** NATS takes messages of up to 1 MiB, with their headers. */
export const MAX_RUN_BYTES = 1_000_000;

export interface QueueLimits {
  /** NATS servers that keep it. */
  replicas: number;
  maxBytes: number;
}

const SECOND_NS = 1_000_000_000;
/** What a pod has taken and not acknowledged after this time goes to another one. */
const ACK_WAIT_SECONDS = 30;
/** Messages that all pods together may hold. */
const MAX_UNACKNOWLEDGED = 5_000;

/** Makes the stream where it is missing; limits that have changed are set. */
export async function ensureQueue(manager: JetStreamManager, limits: QueueLimits): Promise<void> {
  const config = {
    name: CHAT_EVENTS_STREAM,
    subjects: [`${CHAT_EVENTS}.>`],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    // Full is for the publisher to know: it keeps the events and tries again. Nothing that is in the queue may fall out.
    discard: DiscardPolicy.New,
    num_replicas: limits.replicas,
    max_bytes: limits.maxBytes,
    duplicate_window: 120 * SECOND_NS,
  };
  const find = () => manager.streams.info(CHAT_EVENTS_STREAM).catch(() => undefined);
  const present =
    (await find()) ??
    // Of two that make it at once one may hear that its subjects are another stream's: the other one's.
    (await manager.streams.add(config).catch(async (error) => {
      const made = await find();
      if (made === undefined) throw error;
      return made;
    }));
  if (present.config.max_bytes !== config.max_bytes || present.config.num_replicas !== config.num_replicas)
    await manager.streams.update(CHAT_EVENTS_STREAM, config);
}

export async function ensureConsumer(manager: JetStreamManager): Promise<void> {
  await manager.consumers.add(CHAT_EVENTS_STREAM, {
    durable_name: COMPLIANCE_CONSUMER,
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.Explicit,
    ack_wait: ACK_WAIT_SECONDS * SECOND_NS,
    max_deliver: -1,
    max_ack_pending: MAX_UNACKNOWLEDGED,
  });
}
