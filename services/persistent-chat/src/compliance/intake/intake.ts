// Takes events from the queue into the store. Any number of pods do; the queue gives each message to one of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { createBackoff, type Logger, type NatsLink } from '@linchpin/host';
import { CHAT_EVENTS_STREAM } from '@linchpin/proto/chat-events';
import { type Consumer, type ConsumerMessages, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { Database } from '../../database/database.ts';
import { COMPLIANCE_CONSUMER, ensureConsumer, ensureQueue, type QueueLimits } from '../../queue.ts';
import type { ComplianceTelemetry } from '../telemetry.ts';
import { type Delivery, storeBatch } from './batch.ts';

/** What is asked for at once: more than the largest message, and as many messages as the library asks for beside bytes. */
const PULL_BYTES = 8 * 1024 * 1024;
const PULL_MESSAGES = 100;
/** With so much beside the batch that is being stored, no more is asked for. */
const HELD_MESSAGES = 500;
const HELD_BYTES = 8 * 1024 * 1024;
const PULL_MS = 1_000;
/** A pull that has not ended then is cut. */
const PULL_END_MS = 1_500;
/** At the end NATS is waited for no longer: it may not be there, or stand still. */
const LAST_WORDS_MS = 1_000;
/** Of one transaction. */
const BATCH_MESSAGES = 500;
const BATCH_BYTES = 8 * 1024 * 1024;

export interface IntakeParts {
  nats: NatsLink;
  database: Database;
  limits: QueueLimits;
  telemetry: ComplianceTelemetry;
  log: Logger;
}

export interface Intake {
  start(): void;
  /** What has been taken and not stored goes back to the queue. */
  stop(): Promise<void>;
}

export function createIntake({ nats, database, limits, telemetry, log }: IntakeParts): Intake {
  const stopping = new AbortController();
  const { signal } = stopping;
  const inbox: Delivery[] = [];
  let changed = Promise.withResolvers<void>();
  let pulling: ConsumerMessages | undefined;
  let reading: Promise<void> | undefined;
  let writing: Promise<void> | undefined;

  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };

  async function pull(): Promise<void> {
    const backoff = createBackoff();
    while (!signal.aborted) {
      try {
        const consumer = await open(nats, limits);
        while (!signal.aborted) {
          await pullOnce(consumer);
          backoff.reset();
          while (isFull() && !signal.aborted) await changed.promise;
        }
      } catch (error) {
        if (nats.connected && !signal.aborted)
          log.warn({ err: error }, 'the compliance queue cannot be read');
        await pause(backoff.next());
      }
    }
  }

  async function pullOnce(consumer: Consumer): Promise<void> {
    const pull = await consumer.fetch({ max_bytes: PULL_BYTES, expires: PULL_MS });
    pulling = pull;
    if (signal.aborted) pull.stop();
    let count = 0;
    try {
      for await (const message of pull) {
        inbox.push(message);
        wake();
        // The server has given all that it was asked for and says no more; the library would wait for bytes that are left.
        if (++count === PULL_MESSAGES) pull.stop();
      }
    } catch (error) {
      if (!isOfBytes(error)) throw error;
    }
  }

  const isFull = (): boolean => inbox.length >= HELD_MESSAGES || bytesOf(inbox) >= HELD_BYTES;

  async function write(): Promise<void> {
    while (!signal.aborted) {
      if (inbox.length === 0) await changed.promise;
      else await writeBatch(takeBatch(inbox));
    }
  }

  async function writeBatch(batch: readonly Delivery[]): Promise<void> {
    const backoff = createBackoff();
    let lastWhy = '';
    while (!signal.aborted) {
      try {
        await storeBatch({ database, telemetry, log }, batch);
        for (const delivery of batch) delivery.ack();
        return wake();
      } catch (error) {
        const why = (error as Error).message;
        if (why !== lastWhy)
          log.warn({ why, messages: batch.length }, 'events wait for the compliance store');
        lastWhy = why;
        await pause(backoff.next());
      }
    }
    inbox.unshift(...batch);
  }

  async function handBack(): Promise<void> {
    if (!nats.connected) return;
    const connection = await nats.connection();
    for (const delivery of inbox.splice(0)) delivery.nak();
    // What is said last has to leave before the connection is closed.
    await connection.flush();
  }

  const pause = (milliseconds: number): Promise<void> =>
    sleep(milliseconds, undefined, { signal }).catch(() => {});

  return {
    start() {
      reading = pull();
      writing = write();
    },
    async stop() {
      stopping.abort();
      wake();
      // A pull that ends in its own time: NATS 2.9 gives what is handed back to one that was cut, and so to nobody for a while.
      if (nats.connected) await atMost(PULL_END_MS, reading);
      pulling?.stop();
      await writing;
      // Without NATS they come again when their time is over.
      await atMost(
        LAST_WORDS_MS,
        reading?.then(handBack).catch(() => {}),
      );
    },
  };
}

const atMost = (milliseconds: number, what: Promise<void> | undefined): Promise<void> =>
  Promise.race([what, sleep(milliseconds, undefined, { ref: false })]);

async function open(nats: NatsLink, limits: QueueLimits): Promise<Consumer> {
  const connection = await nats.connection();
  const manager = await jetstreamManager(connection, { checkAPI: false });
  await ensureQueue(manager, limits);
  await ensureConsumer(manager);
  return jetstream(connection).consumers.get(CHAT_EVENTS_STREAM, COMPLIANCE_CONSUMER);
}

/** The next message would not have fitted: the server has ended the pull before it. */
const isOfBytes = (error: unknown): boolean => {
  const { code, message } = error as { code?: number; message?: string };
  return code === 409 && /exceeds maxbytes/i.test(message ?? '');
};

const bytesOf = (deliveries: readonly Delivery[]): number =>
  deliveries.reduce((sum, { data }) => sum + data.length, 0);

function takeBatch(inbox: Delivery[]): Delivery[] {
  let bytes = 0;
  let count = 0;
  for (const { data } of inbox) {
    bytes += data.length;
    if (count === BATCH_MESSAGES || (count > 0 && bytes > BATCH_BYTES)) break;
    count++;
  }
  return inbox.splice(0, count);
}
