// Where the bytes of files are kept, by what they are: two files of the same content are one.
import type { Readable } from 'node:stream';

/** First and last byte, both included. */
export interface ByteRange {
  first: number;
  last: number;
}

/** All reject with StorageFailure or errors of the file system. `sha256` is hexadecimal. */
export interface FileStorage {
  /** The file at `path` is complete and on the disk. It may be moved away; whoever calls removes what is left of it. */
  put(sha256: string, path: string, bytes: number): Promise<void>;
  read(sha256: string, range?: ByteRange): Promise<Readable>;
  /** Nothing to remove is no error. */
  remove(sha256: string): Promise<void>;
}

/** Something kept files from being stored or read; `why` tells whether there was no room for them. */
export class StorageFailure extends Error {
  override readonly name = 'StorageFailure';
  readonly why: 'full' | 'away';

  constructor(why: 'full' | 'away', message: string, options?: ErrorOptions) {
    super(message, options);
    this.why = why;
  }
}

const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** Runs what works with files on a disk, whose errors are then no more those of the system. */
export async function onDisk<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const { code = '', syscall, message } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new StorageFailure(FULL.includes(code) ? 'full' : 'away', message, { cause: error });
  }
}
