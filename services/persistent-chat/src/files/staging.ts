// Uploads while they come in: a file of their own each, which is complete and on the disk before anybody knows of it.
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ChatError } from '../chat.ts';
import { onDisk } from './storage.ts';

export interface Staged {
  path: string;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
}

export interface Staging {
  /** Throws ChatError `too-large`, StorageFailure and what `content` throws; then nothing is left. */
  take(content: AsyncIterable<Buffer>, maxBytes: number): Promise<Staged>;
  /** What is no more there is fine too. */
  discard(staged: Staged): Promise<void>;
  /** Removes what pods that died have left behind. */
  sweep(olderThanMs: number): Promise<void>;
}

export function createStaging(directory: string, openFile = open): Staging {
  const folder = join(directory, 'incoming');

  async function write(path: string, content: AsyncIterable<Buffer>, maxBytes: number): Promise<Staged> {
    const hash = createHash('sha256');
    let bytes = 0;
    const file = await onDisk(() => openFile(path, 'wx', 0o600));
    try {
      for await (const chunk of content) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw tooLarge(maxBytes);
        hash.update(chunk);
        await onDisk(() => writeAll(file, chunk));
      }
      await onDisk(() => file.sync());
    } finally {
      await file.close();
    }
    return { path, bytes, sha256: hash.digest('hex') };
  }

  return {
    async take(content, maxBytes) {
      await onDisk(() => mkdir(folder, { recursive: true }));
      const path = join(folder, randomUUID());
      try {
        return await write(path, content, maxBytes);
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      }
    },
    discard: ({ path }) => rm(path, { force: true }),
    async sweep(olderThanMs) {
      for (const name of await readdir(folder).catch(none)) {
        const path = join(folder, name);
        const known = await stat(path).catch(() => undefined);
        if (known !== undefined && Date.now() - known.mtimeMs > olderThanMs) await rm(path, { force: true });
      }
    },
  };
}

export const tooLarge = (maxBytes: number): ChatError =>
  new ChatError('too-large', `a file may have ${maxBytes} bytes at most`);

async function writeAll(file: Awaited<ReturnType<typeof open>>, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
}

function none(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
