import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createFreeSpace } from './free-space.ts';

test('Uploads under way have their place, and what would not fit beside them is refused', async () => {
  const space = createFreeSpace('/', 100, async () => 200);
  const release = await space.reserve(60);
  await expect(space.reserve(60)).rejects.toMatchObject({ name: 'StorageFailure', why: 'full' });
  await space.reserve(40);
  release();
  await space.reserve(60);
  await expect(space.reserve(1)).rejects.toMatchObject({ why: 'full' });
});

test('A disk that cannot be asked is away, and takes no place', async () => {
  let broken = true;
  const space = createFreeSpace('/', 0, async () => {
    if (broken) throw Object.assign(new Error('input/output error'), { code: 'EIO', syscall: 'statfs' });
    return 10;
  });
  await expect(space.reserve(10)).rejects.toMatchObject({ why: 'away' });
  broken = false;
  await space.reserve(10);
});

test('The free space is that of the folder, which is made where there is none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'linchpin-space-'));
  const directory = join(folder, 'files');
  await createFreeSpace(directory, 0).reserve(1);
  await expect(createFreeSpace(directory, 2 ** 60).reserve(1)).rejects.toThrow(directory);
  await rm(folder, { recursive: true });
});
