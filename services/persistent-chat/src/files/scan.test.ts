import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '@linchpin/host';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createScan, type ScanConfig } from './scan.ts';

const log = createLog({ role: 'test', name: 'test', level: 'silent' });
let path: string;
beforeAll(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'linchpin-scan-')), 'file');
  await writeFile(path, 'EICAR');
});
afterAll(() => rm(join(path, '..'), { recursive: true }));

const scan = (command: string[], more: Partial<ScanConfig> = {}) =>
  createScan({ command, seconds: 1, takeUnscanned: false, ...more }, log)(path);

test('Without a scanner everything passes', async () => {
  await createScan(undefined, log)(path);
});

test('The program is given the file, and its status is the verdict', async () => {
  await scan(['/bin/sh', '-c', 'test "$(cat "$0")" = EICAR']);
  await expect(scan(['/bin/grep', '-q', 'nothing'])).rejects.toMatchObject({ code: 'invalid' });
});

test.each([
  ['fails', ['/bin/sh', '-c', 'exit 2']],
  ['is killed', ['/bin/sh', '-c', 'kill -9 $$']],
  ['does not end', ['/bin/sh', '-c', 'sleep 60; exit 0']],
  ['is not there', ['/no/such/program']],
])('A scanner that %s lets nothing through, unless told otherwise', async (_what, command) => {
  await expect(scan(command)).rejects.toMatchObject({ code: 'unavailable' });
  await scan(command, { takeUnscanned: true });
});
