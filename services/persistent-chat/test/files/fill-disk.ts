// Run with a disk of its own (unshare --mount): stores files until it is full, and prints what it was told and what is left.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createDiskStorage } from '../../src/files/disk.ts';
import { createStaging } from '../../src/files/staging.ts';
import type { StorageFailure } from '../../src/files/storage.ts';

const [folder = ''] = process.argv.slice(2);
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', folder]);
const staging = createStaging(folder);
const storage = createDiskStorage(folder);

async function* bytes(): AsyncGenerator<Buffer> {
  for (let i = 0; i < 30; i++) yield randomBytes(10_000);
}

let stored = 0;
let why = '';
while (why === '' && stored < 10)
  try {
    const { path, sha256, bytes: size } = await staging.take(bytes(), 1_000_000);
    await storage.put(sha256, path, size);
    stored++;
  } catch (error) {
    why = (error as StorageFailure).why;
  }
const left = readdirSync(`${folder}/incoming`);
console.log(JSON.stringify({ stored, why, left }));
