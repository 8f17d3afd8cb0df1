import { StateUnavailable } from '../state-unavailable.ts';
import type { Bucket } from './bucket.ts';
import { RevisionConflict } from './bucket.ts';
import { Unanswered } from './requests.ts';
import type { Slot, Waiter } from './slot.ts';

export interface SlotWriter {
  /** Stores what the slot holds by the time it is its turn: at most one write per key is under way. */
  enqueue(slot: Slot, waiter?: Waiter): void;
  /** The store is there: it learns what it has missed or what it may have misunderstood. */
  settle(): void;
  /** The store has lost all it had. */
  refill(slots: Iterable<Slot>): void;
}

export interface SlotWriterOptions {
  bucket: Bucket;
  /** Milliseconds that a write waits for the store. */
  patience: number;
  /** The key is deleted here and in the store. */
  onGone(key: string): void;
}

const RETRY_MS = 50;

export function createSlotWriter({ bucket, patience, onGone }: SlotWriterOptions): SlotWriter {
  const unsettled = new Set<Slot>();

  async function writeOnce(slot: Slot, text: string, timeout: number): Promise<void> {
    if (slot.doubts.length > 0) await reconcile(slot, timeout);
    if (text !== '') slot.revision = await bucket.write(slot.key, text, slot.revision, timeout);
    else if (slot.revision > 0) slot.revision = await bucket.remove(slot.key, slot.revision, timeout);
  }

  /** Takes over the store's revision when the value there is one of ours; another's value fences us off. */
  async function reconcile(slot: Slot, timeout: number): Promise<void> {
    const stored = await bucket.read(slot.key, timeout);
    const text = stored?.text ?? '';
    const ours = text === '' || text === textOf(slot.durable) || slot.doubts.includes(text);
    slot.doubts = [];
    slot.revision = stored?.revision ?? 0;
    if (ours) return;
    slot.durable = slot.value = JSON.parse(text);
    throw new StateUnavailable('another Front End has written this key');
  }

  function doubt(slot: Slot, text: string, error: unknown): void {
    if (error instanceof StateUnavailable) throw error;
    if (error instanceof Unanswered && !error.sent) return;
    slot.doubts.push(error instanceof RevisionConflict ? textOf(slot.durable) : text);
  }

  async function store(slot: Slot, text: string): Promise<void> {
    const deadline = Date.now() + patience;
    for (;;) {
      try {
        return await writeOnce(slot, text, deadline - Date.now());
      } catch (error) {
        doubt(slot, text, error);
        if (Date.now() + RETRY_MS >= deadline) throw new StateUnavailable((error as Error).message);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** Nobody may go on from a value whose writer was told that it failed, so whoever queued up after it fails as well. */
  function fail(slot: Slot, waiters: Waiter[], error: Error): void {
    const all = [...waiters, ...slot.waiters.splice(0)];
    // A deletion stays, and later failures must not bring the old value back.
    if (slot.value === undefined) slot.durable = undefined;
    else slot.value = slot.durable;
    if (slot.doubts.length > 0 || slot.value === undefined) unsettled.add(slot);
    for (const waiter of all) waiter.failed(error);
  }

  async function storeLatest(slot: Slot): Promise<void> {
    const waiters = slot.waiters.splice(0);
    const { value } = slot;
    try {
      await store(slot, textOf(value));
      slot.durable = value;
      unsettled.delete(slot);
      for (const waiter of waiters) waiter.done();
    } catch (error) {
      fail(slot, waiters, error as Error);
    }
  }

  async function run(slot: Slot): Promise<void> {
    slot.writing = true;
    while (slot.waiters.length > 0) await storeLatest(slot);
    slot.writing = false;
    if (slot.value === undefined && !unsettled.has(slot)) onGone(slot.key);
  }

  function enqueue(slot: Slot, waiter: Waiter = { done() {}, failed() {} }): void {
    slot.waiters.push(waiter);
    if (!slot.writing) void run(slot);
  }

  return {
    enqueue,
    settle() {
      for (const slot of unsettled) enqueue(slot);
    },
    refill(slots) {
      for (const slot of slots) {
        slot.revision = 0;
        unsettled.add(slot);
        enqueue(slot);
      }
    },
  };
}

const textOf = (value: unknown): string => (value === undefined ? '' : JSON.stringify(value));
