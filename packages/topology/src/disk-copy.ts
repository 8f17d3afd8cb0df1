// The replica on disk, from which a pod starts while CMS or NATS is away. One file of JSON lines: a header, the
// documents, and a footer by which a damaged file is known.
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Head } from '@linchpin/proto/subjects';
import { type Document, TopologyError } from './document.ts';
import type { Log } from './replica.ts';

export const FORMAT_VERSION = 1;
export const DISK_COPY = 'replica.jsonl';

// Writing takes up at most a tenth of the time, however large the copy and however often it changes.
const REST_FACTOR = 9;
const MAX_REST_MS = 30_000;
const LINES_PER_WRITE = 500;

export interface Snapshot {
  head: Head;
  documents: Document[];
}

export interface DiskCopy {
  /** undefined when there is none, or when it was damaged and has been moved aside. */
  read(): Promise<Snapshot | undefined>;
  /** Writes soon, in the background, what `take` gives by then. */
  save(take: () => Snapshot): void;
  /** Resolves when the last save is on disk, or has failed. */
  close(): Promise<void>;
}

export function createDiskCopy(dir: string, log: Log): DiskCopy {
  const path = join(dir, DISK_COPY);
  let pending: (() => Snapshot) | undefined;
  let writing: Promise<void> | undefined;
  let endRest = () => {};
  let closing = false;

  async function writeAll(): Promise<void> {
    while (pending !== undefined) {
      const take = pending;
      pending = undefined;
      const began = performance.now();
      await write(dir, path, take()).catch((error) =>
        log.error({ err: error, path }, 'the disk copy of the configuration could not be written'),
      );
      await rest((performance.now() - began) * REST_FACTOR);
    }
    writing = undefined;
  }

  const rest = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, closing ? 0 : Math.min(ms, MAX_REST_MS));
      endRest = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  return {
    read: () => read(path, log),
    save(take) {
      pending = take;
      writing ??= writeAll();
    },
    async close() {
      closing = true;
      endRest();
      await writing;
    },
  };
}

async function write(dir: string, path: string, { head, documents }: Snapshot): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', 0o600);
  try {
    const hash = createHash('sha256');
    for (const text of chunks(head, documents)) {
      hash.update(text);
      await file.write(text);
    }
    await file.write(`${JSON.stringify({ sha256: hash.digest('hex') })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

function* chunks(head: Head, documents: Document[]): Generator<string> {
  yield `${JSON.stringify({ formatVersion: FORMAT_VERSION, head })}\n`;
  for (let at = 0; at < documents.length; at += LINES_PER_WRITE)
    yield documents
      .slice(at, at + LINES_PER_WRITE)
      .map((document) => `${JSON.stringify(document)}\n`)
      .join('');
}

async function read(path: string, log: Log): Promise<Snapshot | undefined> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new TopologyError(`cannot read the disk copy of the configuration: ${error.message}`);
  });
  if (bytes === undefined) return undefined;
  try {
    return decode(bytes, path);
  } catch (error) {
    if (error instanceof TopologyError) throw error;
    await rename(path, `${path}.damaged`);
    log.error(
      { err: error, path, movedTo: `${path}.damaged` },
      'the disk copy of the configuration is damaged; it was moved aside and is rebuilt from NATS',
    );
    return undefined;
  }
}

function decode(bytes: Buffer, path: string): Snapshot {
  const [headerEnd, footerStart] = [bytes.indexOf('\n'), bytes.lastIndexOf('\n', -2) + 1];
  const header = JSON.parse(bytes.toString('utf8', 0, headerEnd));
  if (header.formatVersion > FORMAT_VERSION)
    throw new TopologyError(
      `${path} was written by a newer release (format ${header.formatVersion}, this one knows ${FORMAT_VERSION}): ` +
        'run that release, or delete the file to fetch the configuration again',
    );
  const footer = JSON.parse(bytes.toString('utf8', footerStart));
  const sha256 = createHash('sha256').update(bytes.subarray(0, footerStart)).digest('hex');
  if (footer.sha256 !== sha256) throw new Error('the checksum does not match the content');
  return { head: header.head, documents: [...lines(bytes.subarray(headerEnd + 1, footerStart))] };
}

function* lines(bytes: Buffer): Generator<Document> {
  for (let at = 0, end = 0; at < bytes.length; at = end + 1) {
    end = bytes.indexOf('\n', at);
    yield JSON.parse(bytes.toString('utf8', at, end)) as Document;
  }
}
