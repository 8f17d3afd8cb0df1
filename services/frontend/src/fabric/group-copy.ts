import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger, NatsLink } from '@linchpin/host';
import { OWNER_KEY, type OwnerRecord } from '@linchpin/proto/subjects';
import type { DeletionMarks } from './deletion-marks.ts';
import type { GroupStream, StoredOwner, StreamEntry, StreamState } from './group-stream.ts';
import type { Slots } from './slot.ts';

/** The warm copy of a group that another owns: what its stream says, in the order in which it says it. */
export interface GroupCopy {
  /** Reads the stream from the entry after this one on; from the first, what is in memory is dropped. */
  follow(from: { created: string; seen: number }): void;
  stop(): void;
  /** The sequence of the last entry that was read. */
  readonly seen: number;
  /** Of the stream that was read; empty: none. */
  readonly created: string;
  readonly whole: boolean;
  /** There are keys in memory that were not seen in this stream yet. */
  readonly remembers: boolean;
  /** Resolves when the entry of this sequence, and so everything before it, was read; rejects when it does not come. */
  until(created: string, sequence: number): Promise<void>;
}

export interface GroupCopyOptions {
  stream: Pick<GroupStream, 'info' | 'feed'>;
  nats: Pick<NatsLink, 'onConnected'>;
  slots: Slots;
  marks: DeletionMarks;
  log: Pick<Logger, 'debug'>;
  /** undefined: the stream is gone, or another one. */
  onOwner(owner: StoredOwner | undefined): void;
  /** All that was in the stream when the reading began has been read. */
  onWhole(): void;
  timing?: CopyTiming;
}

/** Milliseconds. */
export interface CopyTiming {
  /** After a failure. */
  retryMs: number;
  /** Between two looks whether the stream is still the same one. */
  checkMs: number;
  untilMs: number;
  /** Who has not looked for so long reads all of it anew: marks of deletions may have come and gone. */
  resumeMs: number;
}

const TIMING: CopyTiming = { retryMs: 250, checkMs: 5000, untilMs: 3000, resumeMs: 20_000 };

export function createGroupCopy(options: GroupCopyOptions): GroupCopy {
  const { stream, nats, slots, marks, log, onOwner, onWhole, timing = TIMING } = options;
  let current = new AbortController();
  let stop = () => {};
  let created = '';
  let seen = 0;
  let whole = false;
  /** Keys that are in memory and were not seen in this stream: it was lost, and is being filled again; or it is read anew. */
  let unconfirmed = false;
  /** performance.now() when the stream was last known to be followed. */
  let heardAt = 0;
  /** `seen`, and the stream's last sequence, at the look before. */
  let before = { seen: -1, last: 0 };
  const expected = new Set<{ created: string; sequence: number; resolve(): void }>();

  function restart(): void {
    current.abort();
    current = new AbortController();
    void run(current.signal);
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await readOnce(signal);
      } catch (error) {
        if (!signal.aborted) log.debug({ err: error }, 'the stream of a group cannot be read yet');
      }
      await sleep(timing.retryMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async function readOnce(signal: AbortSignal): Promise<void> {
    const state = await stream.info();
    if (signal.aborted) return;
    if (state === undefined) {
      onOwner(undefined);
      return becomeWhole();
    }
    begin(state);
    before = { seen: -1, last: state.last };
    const feed = await stream.feed(seen, (entry, pending) => {
      if (signal.aborted) return;
      apply(entry);
      if (!whole && (pending === 0 || entry.sequence >= state.last)) becomeWhole();
    });
    if (!signal.aborted) heardAt = performance.now();
    signal.addEventListener('abort', feed.stop, { once: true });
    const check = setInterval(() => void look(state, signal, feed.stop), timing.checkMs).unref();
    if (signal.aborted) feed.stop();
    else if (feed.count === 0) becomeWhole();
    await feed.ended;
    clearInterval(check);
    signal.removeEventListener('abort', feed.stop);
  }

  function begin(state: StreamState): void {
    const isSame = state.created === created && seen <= state.last;
    if (isSame && !isLate()) return;
    seen = 0;
    unconfirmed = slots.size > 0;
    for (const slot of slots.all()) slot.revision = 0;
    if (isSame) return;
    created = state.created;
    marks.clear();
    onOwner(undefined);
  }

  function apply({ key, text, sequence }: StreamEntry): void {
    seen = sequence;
    if (key === OWNER_KEY) applyOwner(JSON.parse(text) as OwnerRecord, sequence);
    else if (text === '') {
      slots.drop(key);
      marks.add(key, sequence);
    } else {
      const slot = slots.take(key);
      slot.text = text;
      slot.revision = sequence;
      slot.value = slot.stored = slot.durable = undefined;
    }
    for (const waiter of expected) if (hasCome(waiter)) waiter.resolve();
  }

  function applyOwner(record: OwnerRecord, sequence: number): void {
    if (unconfirmed && !record.filling) dropUnconfirmed();
    onOwner({ record, sequence });
  }

  function dropUnconfirmed(): void {
    unconfirmed = false;
    for (const slot of [...slots.all()]) if (slot.revision === 0) slots.drop(slot.key);
  }

  function becomeWhole(): void {
    if (whole) return;
    whole = true;
    onWhole();
  }

  /** A stream that was made anew counts from 1 again, and its entries would never come. */
  async function look(state: StreamState, signal: AbortSignal, end: () => void): Promise<void> {
    if (isLate()) return end();
    const now = await stream.info().catch(() => 'unanswered' as const);
    if (signal.aborted || now === 'unanswered') return;
    if (now?.created !== state.created) return end();
    heardAt = performance.now();
    // The last entries may have been marks of deletions that are gone: nothing comes then that would say that it is all.
    if (now.last === state.last && seen === before.seen) becomeWhole();
    // What has come since the feed began, and was there at the look before, is here by now, or the feed is dead.
    if (before.last > Math.max(seen, state.last) && seen === before.seen) return end();
    before = { seen, last: now.last };
  }

  const isLate = (): boolean => performance.now() - heardAt > timing.resumeMs;

  const hasCome = (waiter: { created: string; sequence: number }): boolean =>
    waiter.created === created && seen >= waiter.sequence;

  return {
    get seen() {
      return seen;
    },
    get created() {
      return created;
    },
    get whole() {
      return whole;
    },
    get remembers() {
      return unconfirmed;
    },
    follow(from) {
      stop();
      created = from.created;
      seen = from.seen;
      heardAt = performance.now();
      whole = unconfirmed = false;
      if (seen === 0) slots.clear();
      // Each connect begins anew: the server may have another store by then.
      let first = true;
      const off = nats.onConnected(() => {
        if (!first) restart();
      });
      first = false;
      restart();
      stop = () => {
        off();
        current.abort();
      };
    },
    stop: () => stop(),
    until(stream, sequence) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiter = { created: stream, sequence, resolve };
      if (hasCome(waiter)) return Promise.resolve();
      // Not waiting for the next look at what may be another stream by now.
      if (created !== stream) restart();
      expected.add(waiter);
      const late = () => {
        reject(new Error('the own claim does not come back from the stream'));
        // Its server may be gone; the client would notice after a minute.
        restart();
      };
      const timer = setTimeout(late, timing.untilMs);
      return promise.finally(() => {
        clearTimeout(timer);
        expected.delete(waiter);
      });
    },
  };
}
