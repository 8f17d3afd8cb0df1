import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadSigningKey } from './signing-key.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'linchpin-key-'));
});
afterEach(() => rm(dir, { recursive: true }));

const keyOf = async (pod: string, file?: string) => (await loadSigningKey(join(dir, pod), file))('route');

test('a pod keeps its own key over restarts', async () => {
  const first = await keyOf('pod-0');
  expect(await keyOf('pod-0')).toEqual(first);
  expect(await keyOf('pod-1')).not.toEqual(first);
});

test('pods with the same file have the same key', async () => {
  const file = join(dir, 'pool.key');
  await writeFile(file, Buffer.alloc(32, 1));
  expect(await keyOf('pod-0', file)).toEqual(await keyOf('pod-1', file));
});

test('a file that is no key is named, with what to do', async () => {
  const file = join(dir, 'pool.key');
  await expect(keyOf('pod-0', file)).rejects.toThrow(
    /signingKeyFile .*pool\.key cannot be read .*\/dev\/urandom/,
  );
  await writeFile(file, 'short');
  await expect(keyOf('pod-0', file)).rejects.toThrow(/has 5 bytes instead of 32/);
});
