import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@linchpin/backends';
import { run } from '../peers/process.ts';

export interface Kamailio {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

/** The baseline server. The password of user X is "pw-X". */
export async function startKamailio(): Promise<Kamailio> {
  const folder = mkdtempSync(join(tmpdir(), 'kamailio-'));
  const port = await freePort();
  const config = join(import.meta.dirname, 'kamailio.cfg');
  const args = [
    '-DD',
    '-E',
    '-f',
    config,
    '-A',
    `PORT=${port}`,
    '-m',
    '512',
    '-M',
    '16',
    '-Y',
    folder,
    '-P',
    join(folder, 'pid'),
  ];
  const process = run('kamailio', args, { cwd: folder });
  // 0 and 1 are answers, more is silence.
  const probe = (): Promise<number | null> =>
    run('sipsak', ['-s', 'sip:probe@127.0.0.1', '-r', String(port)]).exited;
  for (let attempt = 0; ((await probe()) ?? 9) > 1; attempt++)
    if (attempt > 20 || process.child.exitCode !== null)
      throw new Error(`kamailio did not start:\n${process.output()}`);
  return {
    port,
    pid: process.child.pid ?? 0,
    async stop() {
      await process.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
