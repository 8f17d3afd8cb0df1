import type { Writable } from 'node:stream';
import type { Framed } from './batch.ts';

const MAX_BATCH_FRAMES = 512;
const MAX_BATCH_BYTES = 1024 * 1024;
const MAX_QUEUE_BYTES = 32 * 1024 * 1024;
// Addresses, names and trace of a frame; a guess suffices.
const FRAME_OVERHEAD_BYTES = 256;

const sizeOf = (frame: Framed): number => FRAME_OVERHEAD_BYTES + (frame.message?.length ?? 0);

/** Collects what is sent within one turn of the event loop into one message. */
export class Outbox<F extends Framed> {
  readonly #stream: Writable;
  readonly #limit: number;
  #queue: F[] = [];
  #bytes = 0;
  #scheduled = false;
  #writable = true;
  #closed = false;

  constructor(stream: Writable, limit: number) {
    this.#stream = stream;
    this.#limit = limit;
    stream.on('drain', () => {
      this.#writable = true;
      this.#flush();
    });
  }

  /** false: the peer does not read, and the queue is full. */
  push(frame: F): boolean {
    if (this.#closed || this.#queue.length >= this.#limit || this.#bytes >= MAX_QUEUE_BYTES) return false;
    this.#queue.push(frame);
    this.#bytes += sizeOf(frame);
    if (!this.#scheduled && this.#writable) this.#schedule();
    return true;
  }

  /** Hands the stream all there is, however slow it is: nothing comes after. */
  finish(): void {
    while (!this.#closed && this.#queue.length > 0) this.#stream.write({ frames: this.#take() });
    this.#closed = true;
  }

  /** Returns how many frames never left. */
  close(): number {
    const dropped = this.#queue.length;
    this.#closed = true;
    this.#queue = [];
    return dropped;
  }

  // Not a microtask: that ends with each socket's callback, this one collects over all sockets that were readable in
  // the turn. 64 connections with one message in flight each, two cores: 42 k frames/s, with a microtask 12 k.
  #schedule(): void {
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#writable && !this.#closed && this.#queue.length > 0) {
      this.#writable = this.#stream.write({ frames: this.#take() });
    }
  }

  #take(): F[] {
    if (this.#queue.length <= MAX_BATCH_FRAMES && this.#bytes <= MAX_BATCH_BYTES) return this.#takeAll();
    let count = 0;
    for (let bytes = 0; count < Math.min(this.#queue.length, MAX_BATCH_FRAMES); count++) {
      const size = sizeOf(this.#queue[count] as F);
      if (count > 0 && bytes + size > MAX_BATCH_BYTES) break;
      bytes += size;
      this.#bytes -= size;
    }
    return this.#queue.splice(0, count);
  }

  #takeAll(): F[] {
    const all = this.#queue;
    this.#queue = [];
    this.#bytes = 0;
    return all;
  }
}
