import { type SpawnOptions, spawn } from 'node:child_process';

export class CommandFailed extends Error {
  readonly code: number | null;
  readonly stderr: string;

  constructor(line: string, code: number | null, stderr: string) {
    super(`${line} failed (exit code ${code}):\n${stderr.trim()}`);
    this.code = code;
    this.stderr = stderr;
  }
}

export interface CommandOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Written to its stdin. */
  input?: string | Buffer;
  /** Its stderr goes to ours as it comes; without it, stderr is in the error. */
  show?: boolean;
  /** Ends it. */
  signal?: AbortSignal;
}

/** Runs a program to its end; resolves with what it printed on stdout, rejects with CommandFailed. */
export function command(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { input, show = false, ...rest } = options;
  const stdio: SpawnOptions['stdio'] = [
    input === undefined ? 'ignore' : 'pipe',
    'pipe',
    show ? 'inherit' : 'pipe',
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...rest, stdio });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', (error) => reject(new CommandFailed(program, null, error.message)));
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString('utf8'));
      else reject(new CommandFailed([program, ...args].join(' '), code, Buffer.concat(err).toString('utf8')));
    });
    // Who ends before reading its input says so by its exit code.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Whether it can be run at all and ends with 0. */
export const succeeds = (
  program: string,
  args: readonly string[],
  options?: CommandOptions,
): Promise<boolean> =>
  command(program, args, options).then(
    () => true,
    () => false,
  );
