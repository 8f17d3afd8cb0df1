// From the outbox to the queue. What this pod has stored it publishes at once; what is left for some seconds, by whichever pod,
// is published by whoever finds it first. A row goes only when the queue has acknowledged it.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Health, Logger, NatsLink } from '@linchpin/host';
import { type ChatEvent, chatEventSubject } from '@linchpin/proto/chat-events';
import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import type { Database } from '../database/database.ts';
import { ensureQueue, POD_HEADER, type QueueLimits } from '../queue.ts';
import { BEGINNING, type Run, removeRuns, takeRuns } from './outbox.ts';

const ACK_MS = 3_000;
const LOOK_MS = 1_000;
const MAX_BACKOFF_MS = 10_000;
/** How long a row is its pod's own; longer than an acknowledgement may take. */
const LEFT_AFTER_SECONDS = 4;
const RUNS_AT_ONCE = 100;

export interface PublisherOptions {
  nats: NatsLink;
  database: Pick<Database, 'use' | 'transaction'>;
  pod: string;
  queue: QueueLimits;
  health: Pick<Health, 'set'>;
  log: Logger;
  /** Events that nobody had published were published now. */
  onLeftEvents(scope: string, events: readonly ChatEvent[]): void;
}

export interface Publisher {
  /** Of a transaction that is committed. */
  publish(run: Run): void;
  start(): void;
  stop(): Promise<void>;
}

export function createPublisher(options: PublisherOptions): Publisher {
  const { nats, database, pod, queue, health, log, onLeftEvents } = options;
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  let connection: NatsConnection | undefined;
  let stream: JetStreamClient | undefined;
  let queueMade = false;
  let acknowledged: Run[] = [];
  let removing: Promise<void> | undefined;
  let looking: Promise<void> | undefined;
  let unsubscribe = (): void => {};
  let lastWhy = '';

  function onConnected(current: NatsConnection): void {
    connection = current;
    stream = jetstream(current, { timeout: ACK_MS });
    queueMade = false;
    void makeQueue().catch(refused);
  }

  async function makeQueue(): Promise<void> {
    if (queueMade || connection === undefined || !nats.connected) return;
    await ensureQueue(await jetstreamManager(connection, { checkAPI: false, timeout: ACK_MS }), queue);
    queueMade = true;
  }

  function refused(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    queueMade = false;
    health.set('queue', false, `events wait to be queued: ${why}`);
    if (why !== lastWhy) log.warn({ why }, 'events cannot be queued');
    lastWhy = why;
  }

  function taken(): void {
    if (lastWhy !== '') log.info('events are queued again');
    lastWhy = '';
    health.set('queue', true);
  }

  /** Resolves when the queue has it. */
  async function send({ scope, first, last, text }: Run): Promise<void> {
    if (stream === undefined || !nats.connected) throw new Error('NATS is away');
    const fields = headers();
    fields.set(POD_HEADER, pod);
    await stream.publish(chatEventSubject(scope), text, {
      msgID: idOf(scope, first, last, text),
      headers: fields,
    });
    taken();
  }

  function remove(): void {
    if (removing !== undefined || acknowledged.length === 0) return;
    const done = acknowledged;
    acknowledged = [];
    removing = database
      .use((client) => removeRuns(client, done))
      // They are published once more by whoever finds them, and the queue knows them by their id.
      .catch((error) => log.debug({ err: error }, 'what was published could not be taken from the outbox'))
      .then(() => {
        removing = undefined;
        remove();
      });
  }

  function publish(run: Run): void {
    const sending = send(run)
      .then(() => {
        acknowledged.push(run);
        remove();
      }, refused)
      .finally(() => underWay.delete(sending));
    underWay.add(sending);
  }

  let place = BEGINNING;

  async function publishLeft(): Promise<'more' | 'all' | 'refused'> {
    if (!nats.connected) return 'all';
    await makeQueue();
    return database.transaction(async (client) => {
      const options = { seconds: LEFT_AFTER_SECONDS, limit: RUNS_AT_ONCE };
      const left = await takeRuns(client, place, options);
      const sent = await Promise.allSettled(left.map(send));
      const done = left.filter((_, at) => sent[at]?.status === 'fulfilled');
      if (done.length > 0) await removeRuns(client, done);
      // What this pod could not publish another one may have.
      if (left.length === 0) taken();
      for (const { scope, text } of done) onLeftEvents(scope, JSON.parse(text));
      const failure = sent.find(({ status }) => status === 'rejected');
      if (failure?.status === 'rejected') {
        refused(failure.reason);
        return 'refused';
      }
      place = left.length < RUNS_AT_ONCE ? BEGINNING : (left.at(-1) as Run);
      return left.length < RUNS_AT_ONCE ? 'all' : 'more';
    });
  }

  async function look(): Promise<void> {
    const { signal } = stopping;
    for (let wait = LOOK_MS; !signal.aborted; ) {
      await sleep(wait, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const result = await publishLeft().catch((error) => {
        log.debug({ err: error }, 'the outbox could not be looked through');
        return 'refused' as const;
      });
      if (result === 'more') wait = 0;
      else wait = result === 'all' ? LOOK_MS : Math.min(2 * Math.max(wait, LOOK_MS), MAX_BACKOFF_MS);
    }
  }

  return {
    publish,
    start() {
      unsubscribe = nats.onConnected(onConnected);
      looking = look();
    },
    async stop() {
      stopping.abort();
      unsubscribe();
      await looking;
      while (underWay.size > 0) await Promise.all(underWay);
      while (removing !== undefined) await removing;
    },
  };
}

// With what it says: a database that went back to a backup, or to a replica that was behind, gives the same numbers to other
// events, and the queue must not take them for those that it has had. The compliance store then tells of both.
const idOf = (scope: string, first: number, last: number, text: string): string =>
  `${scope}/${first}-${last}/${createHash('sha256').update(text).digest('base64url')}`;
