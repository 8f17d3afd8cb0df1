import { StateUnavailable } from '../state-unavailable.ts';
import { type DeletionMarks, FORGET_MARK_MS, MARK_MS } from './deletion-marks.ts';
import { type GroupStream, SequenceConflict } from './group-stream.ts';
import type { Slot, Slots, Waiter } from './slot.ts';

/** Told with each write how many seconds it took, and whether it is stored. */
export type WriteObserver = (seconds: number, stored: boolean) => void;

export interface GroupWriterOptions {
  stream: Pick<GroupStream, 'append' | 'dropMark'>;
  slots: Slots;
  marks: DeletionMarks;
  /** Asked before anything leaves: whether nobody can have taken this pod for dead. */
  mayWrite(): boolean;
  /** Milliseconds that a write waits for the store. */
  patience: number;
  onWritten?: WriteObserver | undefined;
  onStored(key: string, text: string, sequence: number): void;
  /** A write was refused or not answered. Nothing more leaves until `open` says where the stream stands. */
  onTrouble(error: Error): void;
  now?(): number;
}

/** Writes a group's changes to the end of its stream, one after the other. */
export interface GroupWriter {
  /** The sequence of the last entry that is known. */
  readonly last: number;
  /**
   * The claim to the group is the entry of this sequence, and the stream's last one. What was under way when the writer was
   * suspended is stored, if it stands before that; else it can never be.
   */
  open(claim: number): void;
  suspend(): void;
  /** What the stream has after this sequence is lost; after 0: it is another stream. All that is in memory is written again. */
  lost(after: number): void;
  /** Resolves when the value, or one that came after it for the same key, is stored. */
  write(key: string, value: unknown): Promise<void>;
  /** Writes what is in memory and not in the stream. */
  fill(): void;
  /** What waits for more than its time fails; marks of old deletions go. To be called every now and then. */
  expire(): void;
  /** Nothing waits or is under way any more. */
  readonly idle: boolean;
  onIdle(listener: () => void): void;
  /** Fails all that waits, and forgets what was to be written. */
  abandon(error: Error): void;
}

interface UnderWay {
  slot: Slot;
  value: unknown;
  text: string;
  sequence: number;
  waiters: Waiter[];
  /** Its writers were told that it failed. */
  givenUp: boolean;
}

/**
 * One write is under way at a time, later changes of a key are one change by the time it is their turn. Several at once,
 * expecting n, n + 1, n + 2, would break the fence: the entry by which another takes the group over stands where the first
 * one is refused, and the second one would follow it as if it were the first.
 */
export function createGroupWriter(options: GroupWriterOptions): GroupWriter {
  const {
    stream,
    slots,
    marks,
    mayWrite,
    patience,
    onWritten,
    onStored,
    onTrouble,
    now = () => performance.now(),
  } = options;
  const queue = new Set<Slot>();
  /** In the order of their deadlines, since all wait equally long. */
  const waiting = new Set<Waiter>();
  let underWay: UnderWay | undefined;
  let isOpen = false;
  let last = 0;
  let whenIdle: (() => void) | undefined;
  /** What was sent before this one was opened is settled. */
  let epoch = 0;

  function pump(): void {
    while (isOpen && !underWay && mayWrite()) {
      const [slot] = queue;
      if (!slot) break;
      queue.delete(slot);
      if (isDirty(slot)) send(slot);
      else clean(slot);
    }
    if (queue.size === 0 && !underWay) whenIdle?.();
  }

  function send(slot: Slot): void {
    const { value } = slot;
    const text = textOf(value);
    const waiters = slot.waiters.splice(0);
    const entry = { slot, value, text, sequence: last + 1, waiters, givenUp: false };
    const mine = epoch;
    underWay = entry;
    stream.append(slot.key, text, last).then(
      () => {
        if (mine !== epoch) return;
        stored(entry);
        pump();
      },
      (error: Error) => mine === epoch && trouble(error),
    );
  }

  function trouble(error: Error): void {
    isOpen = false;
    epoch++;
    // What was refused is not stored; of all else the next claim tells.
    if (error instanceof SequenceConflict) putBack();
    onTrouble(error);
  }

  function putBack(): void {
    if (!underWay) return;
    underWay.slot.waiters.unshift(...underWay.waiters);
    queue.add(underWay.slot);
    underWay = undefined;
  }

  function stored({ slot, value, text, sequence, waiters, givenUp }: UnderWay): void {
    underWay = undefined;
    last = sequence;
    slot.stored = value;
    slot.revision = text === '' ? 0 : sequence;
    if (!givenUp) slot.durable = value;
    onStored(slot.key, text, sequence);
    if (text === '') marks.add(slot.key, sequence);
    settle(waiters);
    if (isDirty(slot)) queue.add(slot);
    else clean(slot);
  }

  function settle(waiters: Waiter[]): void {
    for (const waiter of waiters) {
      forget(waiter, true);
      waiter.done();
    }
  }

  function forget(waiter: Waiter, isStored: boolean): void {
    waiting.delete(waiter);
    onWritten?.((now() - waiter.deadline + patience) / 1000, isStored);
  }

  function clean(slot: Slot): void {
    settle(slot.waiters.splice(0));
    if (slot.value === undefined) slots.drop(slot.key);
  }

  /** Nobody may go on from a value whose writer was told that it failed, so whoever queued up after it fails as well. */
  function fail(slot: Slot, error: Error): void {
    const waiters = slot.waiters.splice(0);
    if (underWay?.slot === slot) {
      waiters.unshift(...underWay.waiters.splice(0));
      underWay.givenUp = true;
    }
    // A deletion stays, and later failures must not bring the old value back.
    if (slot.value === undefined) slot.durable = undefined;
    else slot.value = slot.durable;
    queue.add(slot);
    for (const waiter of waiters) {
      forget(waiter, false);
      waiter.failed(error);
    }
  }

  /** What was written again has replaced its mark. */
  function dropMarks(): void {
    if (!isOpen || !mayWrite()) return void marks.take(FORGET_MARK_MS);
    for (const [key, sequence] of marks.take(MARK_MS))
      if (!slots.get(key)) stream.dropMark(key, sequence).catch(() => {});
  }

  return {
    get last() {
      return last;
    },
    open(claim) {
      epoch++;
      if (underWay && underWay.sequence < claim) stored(underWay);
      else putBack();
      last = claim;
      isOpen = true;
      pump();
    },
    suspend() {
      isOpen = false;
      epoch++;
    },
    lost(after) {
      marks.clear();
      if (underWay && underWay.sequence > after) putBack();
      for (const slot of slots.all()) {
        if (slot.revision <= after && after > 0) continue;
        slot.stored = undefined;
        slot.revision = 0;
        queue.add(slot);
      }
    },
    fill() {
      for (const slot of slots.all()) if (isDirty(slot)) queue.add(slot);
    },
    write(key, value) {
      const slot = slots.take(key);
      slot.value = value;
      queue.add(slot);
      const written = new Promise<void>((done, failed) => {
        const waiter = { slot, deadline: now() + patience, done, failed };
        slot.waiters.push(waiter);
        waiting.add(waiter);
      });
      pump();
      return written;
    },
    expire() {
      const time = now();
      for (const { slot, deadline } of waiting) {
        if (deadline > time) break;
        fail(slot, new StateUnavailable('the store gives no answer'));
      }
      // The lease may be held again.
      pump();
      dropMarks();
    },
    get idle() {
      return queue.size === 0 && !underWay;
    },
    onIdle(listener) {
      whenIdle = () => {
        whenIdle = undefined;
        listener();
      };
      pump();
    },
    abandon(error) {
      isOpen = false;
      epoch++;
      whenIdle = undefined;
      for (const { slot } of [...waiting]) fail(slot, error);
      underWay = undefined;
      queue.clear();
    },
  };
}

/** Who waits for a deletion of what is not stored need not wait. */
const isDirty = ({ value, stored, waiters }: Slot): boolean =>
  value !== stored || (waiters.length > 0 && value !== undefined);

const textOf = (value: unknown): string => (value === undefined ? '' : JSON.stringify(value));
