// A developer runs one role alone, with its neighbours fake or absent, and it follows the code.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Run, run } from '../peers/process.ts';

const root = join(import.meta.dirname, '../..');
let running: Run | undefined;
let home: string | undefined;

function dev(...args: string[]): Run {
  home = mkdtempSync(join(tmpdir(), 'dev-'));
  running = run(join(root, 'scripts/run'), ['dev', ...args, '--home', home], { cwd: tmpdir() });
  return running;
}

afterEach(async () => {
  await running?.stop('SIGTERM', 10_000);
  if (home !== undefined) rmSync(home, { recursive: true, force: true });
});

describe('npm run dev', () => {
  it.each(['cms', 'director', 'edge', 'frontend', 'persistent-chat'])('brings %s up', async (role) => {
    await dev(role).waitFor(new RegExp(`${role} is up after`));
  });

  it.each([
    ['cms', 'nats,postgres'],
    ['director', 'nats,frontend-0'],
    ['edge', 'nats,director-0'],
    ['frontend', 'nats,edge-0'],
    ['persistent-chat', 'nats,postgres'],
  ])('brings %s up without %s, and says what it misses', async (role, absent) => {
    await dev(role, '--without', absent).waitFor(new RegExp(`${role} is up after .*degraded.*nats`));
  });

  it('shows what a neighbour was asked, and what became of the question', async () => {
    const process = dev('director');
    await process.waitFor(/director is up after/);
    await process.waitFor(/peer link up/);
    const sipsak = run('sipsak', [
      '-U',
      '-C',
      'sip:alice@127.0.0.1:9',
      '-s',
      'sip:alice@localhost',
      '-r',
      '5170',
      '-u',
      'alice',
      '-a',
      'pw-alice',
    ]);
    await process.waitFor(
      /frontend-0 was asked by director-0: REGISTER sip:localhost SIP\/2\.0 \(sip:alice@localhost\)/,
    );
    expect(await sipsak.exited).toBe(0);
  });

  it('starts the role again when its code changes', async () => {
    const process = dev('edge');
    await process.waitFor(/edge is up after/);
    const now = new Date();
    utimesSync(join(root, 'services/edge/src/telemetry.ts'), now, now);
    await process.waitFor(/telemetry\.ts changed: restarting edge[\s\S]*"msg":"started"/);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'leaves nothing running when npm is ended by %s',
    async (signal) => {
      home = mkdtempSync(join(tmpdir(), 'npm-'));
      running = run('npm', ['run', '--silent', 'dev', 'director', '--', '--home', home], { cwd: root });
      await running.waitFor(/director is up after/);
      running.child.kill(signal);
      const remains = () => execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(String(home));
      await expect.poll(remains, { timeout: 15_000 }).toBe(false);
    },
  );

  it('knows its roles', async () => {
    const process = dev('telephone');
    expect(await process.exited).toBe(2);
    expect(process.output()).toMatch(/there is no role "telephone"/);
  });
});
