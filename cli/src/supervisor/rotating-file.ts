import { createWriteStream, mkdirSync, openSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';

export interface RotatingFileOptions {
  /** The file is put aside when it has grown beyond this. */
  maxBytes?: number;
  /** How many that were put aside are kept: `<path>.1` is the youngest. */
  keep?: number;
}

/** A log file that does not grow without bounds. */
export class RotatingFile {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #keep: number;
  #stream: WriteStream;
  #bytes: number;

  constructor(path: string, { maxBytes = 10 * 1024 * 1024, keep = 3 }: RotatingFileOptions = {}) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#keep = keep;
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    this.#stream = this.#open();
  }

  write(line: string): void {
    if (this.#bytes >= this.#maxBytes) this.#rotate();
    this.#stream.write(`${line}\n`);
    this.#bytes += Buffer.byteLength(line) + 1;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#stream.end(resolve));
  }

  // Opened at once: an open that is under way would follow the path, not the file, when we rename it.
  #open(): WriteStream {
    const stream = createWriteStream(this.#path, { fd: openSync(this.#path, 'a', 0o600) });
    // A full disk costs log lines, not the installation.
    stream.on('error', () => {});
    return stream;
  }

  #rotate(): void {
    this.#bytes = 0;
    try {
      for (let age = this.#keep; age >= 1; age--) moveIfThere(this.#aged(age - 1), this.#aged(age));
      const next = this.#open();
      this.#stream.end();
      this.#stream = next;
    } catch {
      // The folder is gone or takes no new file: the old one goes on until the next attempt.
    }
  }

  #aged(age: number): string {
    return age === 0 ? this.#path : `${this.#path}.${age}`;
  }
}

function moveIfThere(from: string, to: string): void {
  if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, to);
}
