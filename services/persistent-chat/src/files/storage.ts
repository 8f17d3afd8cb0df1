// Where the bytes of files are kept, by what they are: two files of the same content are one.
import type { Readable } from 'node:stream';

/** First and last byte, both included. */
export interface ByteRange {
  first: number;
  last: number;
}

/** All reject with errors of the system; `storageError` makes a ChatError of them. `sha256` is hexadecimal. */
export interface FileStorage {
  /** The file at `path` is complete and on the disk. It may be moved away; whoever calls removes what is left of it. */
  put(sha256: string, path: string, bytes: number): Promise<void>;
  read(sha256: string, range?: ByteRange): Promise<Readable>;
  /** Nothing to remove is no error. */
  remove(sha256: string): Promise<void>;
}
