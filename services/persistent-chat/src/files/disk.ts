// Files in a folder, which all pods share: blobs/ab/cd/abcd… by the SHA-256 of what is in them.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileStorage } from './storage.ts';

export function createDiskStorage(directory: string): FileStorage {
  const pathOf = (sha256: string): string =>
    join(directory, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256);

  return {
    async put(sha256, path) {
      const target = pathOf(sha256);
      const made = await mkdir(dirname(target), { recursive: true });
      await rename(path, target);
      await syncFolder(dirname(target));
      // A new folder is an entry of the one above it, up to where there was one already.
      let folder = dirname(target);
      while (made !== undefined && folder.length >= made.length) {
        folder = dirname(folder);
        await syncFolder(folder);
      }
    },
    async read(sha256, range) {
      const file = await open(pathOf(sha256), 'r');
      return file.createReadStream(range && { start: range.first, end: range.last });
    },
    remove: (sha256) => rm(pathOf(sha256), { force: true }),
  };
}

/** A new name is on the disk when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
