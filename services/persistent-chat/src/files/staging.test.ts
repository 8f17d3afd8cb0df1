import { createHash } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDiskStorage } from './disk.ts';
import { createStaging } from './staging.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'linchpin-staging-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}
const left = async (): Promise<string[]> => readdir(join(folder, 'incoming'));
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

test('What comes in is counted, hashed, and moved to where its hash says', async () => {
  const staged = await createStaging(folder).take(pieces('hello ', 'world'), 100);
  expect(staged).toMatchObject({ bytes: 11, sha256: hashOf('hello world') });
  await createDiskStorage(folder).put(staged.sha256, staged.path, staged.bytes);
  expect(await left()).toEqual([]);
  const hash = staged.sha256;
  expect(await readFile(join(folder, 'blobs', hash.slice(0, 2), hash.slice(2, 4), hash), 'utf8')).toBe(
    'hello world',
  );
});

test('The same content twice is one, and can be read in parts', async () => {
  const staging = createStaging(folder);
  const storage = createDiskStorage(folder);
  for (let i = 0; i < 2; i++) {
    const staged = await staging.take(pieces('0123456789'), 100);
    await storage.put(staged.sha256, staged.path, staged.bytes);
  }
  const read = async (range?: { first: number; last: number }) => {
    let text = '';
    for await (const chunk of await storage.read(hashOf('0123456789'), range)) text += chunk;
    return text;
  };
  expect([await read(), await read({ first: 2, last: 4 })]).toEqual(['0123456789', '234']);
  await storage.remove(hashOf('0123456789'));
  await storage.remove(hashOf('0123456789'));
  await expect(read()).rejects.toMatchObject({ name: 'StorageFailure', why: 'away' });
});

test('What is too large is given up at the first byte too many, and nothing is left', async () => {
  let asked = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) {
      asked++;
      yield Buffer.alloc(10);
    }
  }
  await expect(createStaging(folder).take(endless(), 25)).rejects.toMatchObject({ code: 'too-large' });
  expect(asked).toBe(3);
  expect(await left()).toEqual([]);
});

test('Who goes away in the middle leaves nothing', async () => {
  async function* cut(): AsyncGenerator<Buffer> {
    yield Buffer.from('half');
    throw new Error('aborted');
  }
  await expect(createStaging(folder).take(cut(), 100)).rejects.toThrow('aborted');
  expect(await left()).toEqual([]);
});

test('A disk that is full is told from one that fails', async () => {
  // The kernel says ENOSPC to whoever writes there.
  const full = createStaging(folder, (() => open('/dev/full', 'w')) as unknown as typeof open);
  await expect(full.take(pieces('hello'), 100)).rejects.toMatchObject({ why: 'full' });
  const broken = createStaging(join(folder, 'x'), (() =>
    open(join(folder, 'no/such'), 'wx')) as unknown as typeof open);
  await expect(broken.take(pieces('hello'), 100)).rejects.toMatchObject({ why: 'away' });
});

test('What a pod that died has left behind is removed when it is old', async () => {
  const staging = createStaging(folder);
  const [old, young] = [await staging.take(pieces('old'), 9), await staging.take(pieces('young'), 9)];
  await utimes(old.path, 1, 1);
  await staging.sweep(60_000);
  expect(await left()).toEqual([young.path.split('/').at(-1)]);
});
