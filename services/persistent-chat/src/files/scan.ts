// Asks a program or a server whether a file may be kept.
import { spawn } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import type { Logger } from '@linchpin/host';
import { ChatError } from '../chat.ts';
import type { PersistentChatConfig } from '../config.ts';

export type ScanConfig = NonNullable<PersistentChatConfig['files']['scan']>;

/** Throws ChatError: `invalid` for what is refused, `unavailable` for what could not be scanned. */
export type Scan = (path: string) => Promise<void>;

type Verdict = 'clean' | 'refused';

export function createScan(config: ScanConfig | undefined, log: Logger): Scan {
  if (config === undefined) return async () => {};
  const { command, url, seconds, takeUnscanned } = config;
  const ask = (path: string, signal: AbortSignal): Promise<Verdict> =>
    command ? byCommand(command, path, signal) : byRequest(url as string, path, signal);

  return async (path) => {
    let verdict: Verdict;
    try {
      verdict = await ask(path, AbortSignal.timeout(seconds * 1000));
    } catch (error) {
      log.error({ err: error, taken: takeUnscanned }, 'a file could not be scanned');
      if (takeUnscanned) return;
      throw new ChatError('unavailable', 'the file could not be scanned', 30);
    }
    if (verdict === 'refused') throw new ChatError('invalid', 'the file was refused by the scanner');
  };
}

/** Statuses as clamdscan has them. */
function byCommand([program = '', ...args]: string[], path: string, signal: AbortSignal): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, path], { stdio: 'ignore', detached: true });
    // The whole group: a scanner that hangs may be what a script has begun. It is not asked twice.
    const kill = (): void => void (child.pid && process.kill(-child.pid, 'SIGKILL'));
    signal.addEventListener('abort', kill, { once: true });
    child.once('error', reject);
    child.once('exit', (status, killedBy) => {
      signal.removeEventListener('abort', kill);
      if (status === 0) resolve('clean');
      else if (status === 1) resolve('refused');
      else reject(new Error(`${program} ended with ${status ?? killedBy}`));
    });
  });
}

const REFUSED = [403, 406, 422];

async function byRequest(url: string, path: string, signal: AbortSignal): Promise<Verdict> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    // A blob of a file is read as it is sent.
    body: await openAsBlob(path),
    redirect: 'error',
    signal,
  });
  await response.body?.cancel();
  if (response.ok) return 'clean';
  if (REFUSED.includes(response.status)) return 'refused';
  throw new Error(`the scanner answered ${response.status}`);
}
