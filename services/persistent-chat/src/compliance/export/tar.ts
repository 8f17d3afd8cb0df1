// A tar archive (POSIX.1-1988 ustar) of files that are known whole, in one go.
const BLOCK = 512;

/** One file with its header; `path` is at most 100 bytes of ASCII. */
export function tarEntry(path: string, content: Uint8Array, at: Date): Buffer {
  if (!/^[\x20-\x7e]{1,100}$/.test(path)) throw new Error(`${path} cannot be in an archive`);
  const header = Buffer.alloc(BLOCK);
  header.write(path, 0, 'latin1');
  const octal = (value: number, offset: number, length: number): void => {
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  };
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content.length, 124, 12);
  octal(Math.floor(at.getTime() / 1000), 136, 12);
  header.write('        0', 148, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return Buffer.concat([header, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}

/** What ends an archive. */
export const tarEnd = (): Buffer => Buffer.alloc(2 * BLOCK);

/** The files of an archive, one after the other. Rejects with Error where it is cut off or damaged. */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ path: string; content: Buffer }> {
  const reader = createReader(chunks);
  for (;;) {
    const header = await reader.read(BLOCK);
    if (header.every((byte) => byte === 0)) return;
    const { path, bytes } = readHeader(header);
    const content = await reader.read(bytes);
    await reader.read((BLOCK - (bytes % BLOCK)) % BLOCK);
    yield { path, content };
  }
}

const MAX_FILE_BYTES = 256 * 1024 * 1024;

function readHeader(header: Buffer): { path: string; bytes: number } {
  const text = (from: number, length: number): string =>
    header.toString('latin1', from, from + length).replace(/[\0 ].*$/s, '');
  const path = header.toString('latin1', 0, 100).replace(/\0.*$/s, '');
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  const bytes = Number.parseInt(text(124, 12), 8);
  if (Number.parseInt(text(148, 8), 8) !== sum || !(bytes >= 0 && bytes <= MAX_FILE_BYTES))
    throw new Error('the archive is damaged');
  return { path, bytes };
}

function createReader(chunks: AsyncIterable<Uint8Array>) {
  const source = chunks[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  return {
    async read(bytes: number): Promise<Buffer> {
      const parts = [held];
      for (let length = held.length; length < bytes; ) {
        const { value, done } = await source.next();
        if (done) throw new Error('the archive is cut off');
        parts.push(Buffer.from(value));
        length += value.length;
      }
      const all = parts.length === 1 ? held : Buffer.concat(parts);
      held = all.subarray(bytes);
      return all.subarray(0, bytes);
    },
  };
}
