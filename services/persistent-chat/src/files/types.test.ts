import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkedType } from './types.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'linchpin-types-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function typeOf(bytes: Buffer, blocked: string[] = []): Promise<string> {
  const path = join(folder, crypto.randomUUID());
  await writeFile(path, bytes);
  return checkedType(path, blocked);
}

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const program = Buffer.concat([Buffer.from('MZ'), Buffer.alloc(200)]);
const elf = Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01', 'latin1'), Buffer.alloc(200)]);

/** An OLE compound file (MS-CFB) with one sector of directory, whose root has this class. */
function compound(clsid: string): Buffer {
  const file = Buffer.alloc(512 * 4);
  file.write('d0cf11e0a1b11ae1', 0, 'hex');
  file.writeUInt16LE(9, 30);
  file.writeUInt32LE(2, 48);
  file.write(clsid, 3 * 512 + 80, 'hex');
  return file;
}

test('The bytes say what a file is', async () => {
  expect(await typeOf(png)).toBe('image/png');
  expect(await typeOf(Buffer.from('%PDF-1.7\n'))).toBe('application/pdf');
  expect(await typeOf(Buffer.from('just text'))).toBe('application/octet-stream');
  expect(await typeOf(Buffer.from('<html><script>alert(1)</script>'))).toBe('application/octet-stream');
  expect(await typeOf(Buffer.alloc(0))).toBe('application/octet-stream');
});

test.each([
  ['a program where exe is blocked', program, ['exe']],
  ['a program where only dll is', program, ['dll']],
  ['a program of another system', elf, ['exe']],
  ['an installer', compound('84100c0000000000c000000000000046'), ['msi']],
  ['a picture where they are blocked', png, ['png']],
] as const)('%s is refused, whatever it is called', async (_what, bytes, blocked) => {
  await expect(typeOf(bytes, [...blocked])).rejects.toMatchObject({ code: 'invalid' });
});

test('An old office document is no installer', async () => {
  const word = compound('0609020000000000c000000000000046');
  expect(await typeOf(word, ['msi', 'exe'])).toBe('application/x-cfb');
});

test('A compound file that points out of itself is only unknown', async () => {
  const broken = compound('00');
  broken.writeUInt32LE(0xfffffff0, 48);
  expect(await typeOf(broken, ['msi'])).toBe('application/x-cfb');
  broken.writeUInt16LE(60_000, 30);
  expect(await typeOf(broken, ['msi'])).toBe('application/x-cfb');
  expect(await typeOf(broken.subarray(0, 100), ['msi'])).toBe('application/x-cfb');
});
