import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { alive } from './alive.ts';

let home: string;
let supervisor: ChildProcess;
let pids: number[];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'linchpin-orphans-'));
  const program = join(import.meta.dirname, 'fake-installation.ts');
  supervisor = spawn(process.execPath, [program, home], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(
    createInterface({ input: supervisor.stdout as NodeJS.ReadableStream }),
    'line',
  )) as [string];
  pids = Object.values(JSON.parse(line) as Record<string, number>);
  expect(pids).toHaveLength(2);
});
afterEach(() => {
  supervisor.kill('SIGKILL');
  rmSync(home, { recursive: true });
});

test('nothing is left when the supervisor is killed with SIGKILL, not even roles that ignore SIGTERM', async () => {
  supervisor.kill('SIGKILL');
  for (const pid of pids) while (alive(pid)) await wait(10);
});

test('each role has its own log', () => {
  expect(readFileSync(join(home, 'logs', 'edge.log'), 'utf8')).toContain('"msg":"listening"');
});
