import type { Writable } from 'node:stream';
import type { Framed } from './batch.ts';

const MAX_BATCH_FRAMES = 512;
const MAX_BATCH_BYTES = 1024 * 1024;
// Addresses, names and trace of a frame; a guess suffices.
const FRAME_OVERHEAD_BYTES = 256;

/** Collects what is sent within one turn of the event loop into one message. */
export class Outbox<F extends Framed> {
  readonly #stream: Writable;
  readonly #limit: number;
  #queue: F[] = [];
  #scheduled = false;
  #writable = true;
  #closed = false;

  constructor(stream: Writable, limit: number) {
    this.#stream = stream;
    this.#limit = limit;
    stream.on('drain', () => {
      this.#writable = true;
      this.flush();
    });
  }

  /** false: the peer does not read, and the queue is full. */
  push(frame: F): boolean {
    if (this.#closed || this.#queue.length >= this.#limit) return false;
    this.#queue.push(frame);
    if (!this.#scheduled && this.#writable) this.#schedule();
    return true;
  }

  flush(): void {
    while (this.#writable && !this.#closed && this.#queue.length > 0) {
      this.#writable = this.#stream.write({ frames: this.#take() });
    }
  }

  /** Returns how many frames never left. */
  close(): number {
    const dropped = this.#queue.length;
    this.#closed = true;
    this.#queue = [];
    return dropped;
  }

  // Not a microtask: that would end the batch with each socket's callback, this one collects over all sockets that
  // were readable in the turn.
  #schedule(): void {
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  #take(): F[] {
    const count = this.#batchLength();
    if (count === this.#queue.length) {
      const all = this.#queue;
      this.#queue = [];
      return all;
    }
    return this.#queue.splice(0, count);
  }

  #batchLength(): number {
    const most = Math.min(this.#queue.length, MAX_BATCH_FRAMES);
    let bytes = 0;
    for (let count = 0; count < most; count++) {
      bytes += FRAME_OVERHEAD_BYTES + (this.#queue[count]?.message?.length ?? 0);
      if (bytes > MAX_BATCH_BYTES) return Math.max(1, count);
    }
    return most;
  }
}
