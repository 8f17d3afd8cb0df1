// Files in a folder, which all pods share: blobs/ab/cd/abcd… by the SHA-256 of what is in them.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type FileStorage, onDisk } from './storage.ts';

export function createDiskStorage(directory: string): FileStorage {
  const pathOf = (sha256: string): string =>
    join(directory, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256);

  async function put(sha256: string, path: string): Promise<void> {
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
  }

  return {
    put: (sha256, path) => onDisk(() => put(sha256, path)),
    read: (sha256, range) =>
      onDisk(async () => {
        const file = await open(pathOf(sha256), 'r');
        return file.createReadStream(range && { start: range.first, end: range.last });
      }),
    remove: (sha256) => onDisk(() => rm(pathOf(sha256), { force: true })),
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
