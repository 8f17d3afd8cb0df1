// What a file is by its bytes, whatever it is called.
import { open } from 'node:fs/promises';
import { fileTypeFromFile } from 'file-type';
import { ChatError } from '../chat.ts';

export const UNKNOWN_TYPE = 'application/octet-stream';

/** Blocked extensions that a kind of content stands for: any of them blocks it. */
const standsFor: Record<string, string[]> = {
  // Programs of Windows are all of one format.
  exe: ['exe', 'dll', 'scr', 'cpl', 'com', 'sys', 'ocx'],
  // Where programs may not be sent, not those of other systems either.
  elf: ['elf', 'exe'],
  macho: ['macho', 'exe'],
};

/** The media type as the bytes say. Throws ChatError `invalid` where they are of a type that is blocked. */
export async function checkedType(path: string, blocked: readonly string[]): Promise<string> {
  const found = await fileTypeFromFile(path);
  const kind = found?.ext === 'cfb' && (await isInstaller(path)) ? 'msi' : found?.ext;
  const names = kind === undefined ? [] : (standsFor[kind] ?? [kind]);
  if (names.some((name) => blocked.includes(name)))
    throw new ChatError('invalid', `the file is of the type ${kind}, which is not allowed here`);
  return found?.mime ?? UNKNOWN_TYPE;
}

/** The class of the root entry of an installer, {000C1084-0000-0000-C000-000000000046}, as it is stored. */
const INSTALLER = Buffer.from('84100c0000000000c000000000000046', 'hex');
const CLASS_OFFSET = 80;
const HEADER_BYTES = 512;

/** [MS-CFB] 2.2 and 2.6.1: the header tells the size of sectors and where the directory begins, whose first entry is the root. */
async function isInstaller(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const header = await readAt(file, 0, HEADER_BYTES);
    if (header.length < HEADER_BYTES) return false;
    const shift = header.readUInt16LE(30);
    if (shift !== 9 && shift !== 12) return false;
    const directory = (header.readUInt32LE(48) + 1) * 2 ** shift;
    return (await readAt(file, directory + CLASS_OFFSET, INSTALLER.length)).equals(INSTALLER);
  } finally {
    await file.close();
  }
}

async function readAt(
  file: Awaited<ReturnType<typeof open>>,
  position: number,
  length: number,
): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
