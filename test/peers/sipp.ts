import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@linchpin/backends';
import { type Run, run } from './process.ts';

const scenarios = join(import.meta.dirname, 'scenarios');

export interface SippOptions {
  /** A file in `scenarios/`, without ending. */
  scenario: 'register' | 'ask' | 'message' | 'answer-message';
  server: string;
  domain: string;
  transport?: 'u1' | 't1' | 'tn';
  localPort?: number;
  /** One line for each user, fields as the scenario wants them. */
  users?: string[];
  calls: number;
  /** Calls begun each second. */
  rate?: number;
}

/** Debian's sipp 3.6; `exited` resolves with 0 when every call went as the scenario says. */
export async function startSipp(options: SippOptions): Promise<Run & { localPort: number }> {
  const { scenario, server, domain, transport = 'u1', users, calls, rate = 100 } = options;
  const folder = mkdtempSync(join(tmpdir(), 'sipp-'));
  const localPort = options.localPort ?? (await freePort());
  const input: string[] = [];
  if (users !== undefined) {
    writeFileSync(join(folder, 'users.csv'), `SEQUENTIAL\n${users.join('\n')}\n`);
    input.push('-inf', join(folder, 'users.csv'));
  }
  const process = run(
    'sipp',
    [
      server,
      '-i',
      '127.0.0.1',
      '-p',
      String(localPort),
      '-t',
      transport,
      '-sf',
      join(scenarios, `${scenario}.xml`),
      ...input,
      '-key',
      'domain',
      domain,
      '-m',
      String(calls),
      '-r',
      String(rate),
      '-l',
      '4000',
      '-max_socket',
      '8000',
      '-nostdin',
      '-timeout',
      '60s',
      '-trace_err',
      '-error_file',
      join(folder, 'errors'),
    ],
    { cwd: folder },
  );
  const cleaned = process.exited.finally(() => rmSync(folder, { recursive: true, force: true }));
  return { ...process, exited: cleaned, localPort };
}

/** A line of the users file: `alice;[authentication username=alice password=…][;to]`. */
export const sippUser = (name: string, password: string, ...more: string[]): string =>
  [name, `[authentication username=${name} password=${password}]`, ...more].join(';');
