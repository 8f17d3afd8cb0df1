// Whether a disk has room for what is about to be uploaded: asked before the first byte, so that the disk is not filled to its end,
// where databases and logs may be as well.
import { mkdir, statfs } from 'node:fs/promises';
import { onDisk, StorageFailure } from './storage.ts';

export interface FreeSpace {
  /** Rejects with StorageFailure `full`. Returns what is to be called when the upload is over. */
  reserve(bytes: number): Promise<() => void>;
}

export function createFreeSpace(directory: string, keepFreeBytes: number, freeIn = freeBytes): FreeSpace {
  /** Of uploads under way: what they have written already is counted twice, to be on the safe side. */
  let reserved = 0;

  return {
    async reserve(bytes) {
      reserved += bytes;
      const release = (): void => {
        reserved -= bytes;
      };
      try {
        const free = await onDisk(() => freeIn(directory));
        if (free - reserved >= keepFreeBytes) return release;
        throw new StorageFailure(
          'full',
          `${directory} has ${free} bytes left, of which ${keepFreeBytes} are kept free and ${reserved} are asked for`,
        );
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}

/** For who is not root. */
async function freeBytes(directory: string): Promise<number> {
  await mkdir(directory, { recursive: true });
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
