import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { endProcess, spawnGuarded } from './process.ts';

/** A zombie is over; when its new parent looks at it is nothing to wait for. */
function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  while (alive(pid)) await wait(10);
}

describe('a guarded process', () => {
  test('ends when its parent is killed with SIGKILL', async () => {
    const script = `
      const { spawnGuarded } = await import(${JSON.stringify(new URL('./process.ts', import.meta.url).href)});
      const child = await spawnGuarded('sleep', ['60'], { stdio: 'ignore' });
      console.log(child.pid);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const pid = Number(line);
    expect(alive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await gone(pid);
  });

  test('is killed when it ignores the signal', async () => {
    const stubborn = await spawnGuarded('sh', ['-c', 'trap "" TERM; echo trapped; sleep 60 & wait; wait'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(createInterface({ input: stubborn.child.stdout as NodeJS.ReadableStream }), 'line');
    stubborn.child.stdout?.destroy();
    expect(await endProcess(stubborn, 'SIGTERM', 50)).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('tells how it ended', async () => {
    const child = await spawnGuarded('sh', ['-c', 'exit 3'], { stdio: 'ignore' });
    expect(await child.exited).toEqual({ code: 3, signal: null });
  });

  test('that does not exist is an error', async () => {
    const child = spawnGuarded('/nonexistent/program', [], { stdio: 'ignore' });
    // setpriv reports it with an exit code, plain spawn by an error: never a child that runs.
    const outcome = await child.then(
      ({ exited }) => exited,
      () => ({ code: 127 }),
    );
    expect(outcome.code).toBeGreaterThan(0);
  });
});
