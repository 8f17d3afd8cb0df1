// The files of a ZIP archive (PKWARE APPNOTE.TXT 4.3), as far as exports use it: stored or deflated, no encryption, no ZIP64.
import { inflateRawSync } from 'node:zlib';
import { CliError, EXIT } from '../cli-error.ts';

export interface ZipEntry {
  name: string;
  /** The content; rejects what is larger than `limit` bytes. */
  read(limit: number): Buffer;
}

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const MAX_COMMENT = 65_535;

export const isZip = (archive: Buffer): boolean => archive.length >= 4 && archive.readUInt32LE(0) === LOCAL;

export function zipEntries(archive: Buffer): ZipEntry[] {
  return within(() => readCentral(archive, findEnd(archive)));
}

/** What points outside of the archive is damaged. */
function within<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw cause instanceof RangeError ? damaged('it is not whole', cause) : cause;
  }
}

function findEnd(archive: Buffer): number {
  const first = Math.max(0, archive.length - END_BYTES - MAX_COMMENT);
  for (let at = archive.length - END_BYTES; at >= first; at--)
    if (archive.readUInt32LE(at) === END) return at;
  throw damaged('it has no directory');
}

function readCentral(archive: Buffer, end: number): ZipEntry[] {
  const entries: ZipEntry[] = [];
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== CENTRAL) throw damaged('its directory is not whole');
    const nameBytes = archive.readUInt16LE(at + 28);
    entries.push(entryAt(archive, at, archive.toString('utf8', at + 46, at + 46 + nameBytes)));
    at += 46 + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return entries;
}

function entryAt(archive: Buffer, at: number, name: string): ZipEntry {
  const flags = archive.readUInt16LE(at + 8);
  const method = archive.readUInt16LE(at + 10);
  const packed = archive.readUInt32LE(at + 20);
  const bytes = archive.readUInt32LE(at + 24);
  const local = archive.readUInt32LE(at + 42);
  return {
    name,
    read: (limit) =>
      within(() => {
        if (flags & 1) throw damaged(`${name} is encrypted`);
        if (bytes > limit) throw damaged(`${name} is larger than ${limit} bytes`);
        if (archive.readUInt32LE(local) !== LOCAL) throw damaged(`${name} is not where the directory says`);
        const begin = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
        if (begin + packed > archive.length) throw damaged(`${name} is cut off`);
        const content = unpack(archive.subarray(begin, begin + packed), method, limit, name);
        if (content.length !== bytes) throw damaged(`${name} has ${content.length} bytes and not ${bytes}`);
        return content;
      }),
  };
}

function unpack(packed: Buffer, method: number, limit: number, name: string): Buffer {
  if (method === 0) return packed;
  if (method !== 8) throw damaged(`${name} is packed by method ${method}, which is not known here`);
  try {
    return inflateRawSync(packed, { maxOutputLength: limit });
  } catch (cause) {
    throw damaged(`${name}: ${(cause as Error).message}`, cause);
  }
}

const damaged = (why: string, cause?: unknown): CliError =>
  new CliError(`The archive cannot be read: ${why}.`, EXIT.usage, { cause });
