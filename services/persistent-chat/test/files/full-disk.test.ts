import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../../../../test/peers/process.ts';

test('A disk that fills up while a file comes in keeps what it has, and nothing of that file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'linchpin-full-'));
  const program = join(import.meta.dirname, 'fill-disk.ts');
  // A mount that nobody else sees. Who is not root may have one in a user namespace of its own.
  const alone = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount'];
  const child = run('unshare', [...alone, process.execPath, program, folder]);
  const status = await child.exited;
  await rm(folder, { recursive: true });
  expect(status, child.output()).toBe(0);
  expect(JSON.parse(child.output())).toEqual({ stored: 3, why: 'full', left: [] });
});
