// Writes the own record again and again. One write is under way at a time: a write that waits in a queue somewhere says
// nothing about the moment at which it is stored, and many of them would be stored at once when NATS comes back.
import type { KV } from '@nats-io/kv';
import { type NatsConnection, TimeoutError } from '@nats-io/transport-node';
import type { Log, NatsLink } from '../replica.ts';

export interface HeartbeatOptions {
  nats: NatsLink;
  key: string;
  heartbeatMs: number;
  /** A beat without an answer for so long is taken for lost. */
  timeoutMs: number;
  /** Opens the bucket, or makes it. */
  open(connection: NatsConnection): Promise<KV>;
  /** What is written at this beat. */
  record(beat: number): string;
  onSent(beat: number, sentAt: number): void;
  onStored(beat: number, sentAt: number): void;
  log: Log;
}

export interface Heartbeat {
  /** Beats now, then every `heartbeatMs`. */
  start(): void;
  /** A beat leaves as soon as it can; resolves when it, or a later one, is stored. Rejects when stopped before that. */
  now(): Promise<void>;
  /** Beats no more and takes the key away, where NATS is there to hear it and the key is not another's. */
  stop(options?: { leave: boolean }): Promise<void>;
}

interface Waiting {
  beat: number;
  settled: PromiseWithResolvers<void>;
}

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { nats, key, heartbeatMs, timeoutMs, log } = options;
  let waiting: Waiting[] = [];
  let bucket: KV | undefined;
  let beat = 0;
  let turn = 0;
  let sending: Promise<void> | undefined;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let unsubscribe = (): void => {};

  async function send(connection: NatsConnection): Promise<void> {
    bucket ??= await options.open(connection);
    const current = ++beat;
    const sentAt = performance.now();
    options.onSent(current, sentAt);
    await bucket.put(key, options.record(current), { timeout: timeoutMs });
    options.onStored(current, sentAt);
    stored(current);
  }

  function stored(current: number): void {
    const done = waiting.filter((entry) => entry.beat <= current);
    waiting = waiting.filter((entry) => entry.beat > current);
    for (const entry of done) entry.settled.resolve();
  }

  function beatNow(): void {
    again = sending !== undefined;
    if (again || stopped || !nats.connected) return;
    clearTimeout(timer);
    const mine = ++turn;
    const began = performance.now();
    sending = nats.connection().then(send).catch(failed);
    void sending.then(() => mine === turn && next(began));
  }

  function next(began: number): void {
    sending = undefined;
    if (stopped) return;
    if (again) return beatNow();
    clearTimeout(timer);
    timer = setTimeout(beatNow, Math.max(0, began + heartbeatMs - performance.now()));
  }

  // A bucket that is gone says so at once; one that does not answer may have no leader for the moment.
  function failed(error: unknown): void {
    if (!(error instanceof TimeoutError)) bucket = undefined;
    if (!stopped) log.debug({ err: error }, 'a heartbeat could not be stored');
  }

  // What was under way when the connection broke may wait for an answer that never comes.
  function onConnected(): void {
    bucket = undefined;
    sending = undefined;
    beatNow();
  }

  async function leave(): Promise<void> {
    if (!nats.connected || beat === 0) return;
    await sending;
    const kv = bucket ?? (await options.open(await nats.connection()));
    await kv.delete(key);
  }

  return {
    start() {
      unsubscribe();
      unsubscribe = nats.onConnected(onConnected);
    },
    now() {
      const settled = Promise.withResolvers<void>();
      waiting.push({ beat: beat + 1, settled });
      beatNow();
      return settled.promise;
    },
    async stop(options = { leave: true }) {
      stopped = true;
      unsubscribe();
      clearTimeout(timer);
      for (const { settled } of waiting.splice(0)) settled.reject(new Error('the pod has left its pool'));
      if (!options.leave) return;
      await within(timeoutMs, leave()).catch((error) =>
        log.debug({ err: error }, 'the others will notice by themselves that this pod has left'),
      );
    },
  };
}

async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('NATS does not answer')), milliseconds);
  await Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
