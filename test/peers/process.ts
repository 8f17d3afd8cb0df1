import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

export interface Run {
  readonly child: ChildProcess;
  /** Everything it printed so far. */
  output(): string;
  /** Resolves when the output matches; rejects with the output when the process ends or the time is over. */
  waitFor(pattern: RegExp, milliseconds?: number): Promise<RegExpExecArray>;
  /** Asks to end, then insists; resolves when it is gone. */
  stop(signal?: NodeJS.Signals, graceMilliseconds?: number): Promise<void>;
  readonly exited: Promise<number | null>;
}

/** Starts a foreign program and follows what it prints. */
export function run(command: string, args: string[], options: SpawnOptions = {}): Run {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let text = '';
  const watchers = new Set<() => void>();
  const take = (chunk: Buffer): void => {
    text += chunk.toString('utf8');
    for (const watcher of [...watchers]) watcher();
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  let ended = false;
  const exited = new Promise<number | null>((resolve) => {
    const finish = (code: number | null): void => {
      ended = true;
      resolve(code);
      for (const watcher of [...watchers]) watcher();
    };
    child.on('error', (error) => {
      text += `\n${error.message}`;
      finish(127);
    });
    child.on('close', finish);
  });

  function waitFor(pattern: RegExp, milliseconds = 20_000): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => done(() => reject(new Error(`no ${pattern} from ${command} in ${milliseconds} ms:\n${text}`))),
        milliseconds,
      );
      const look = (): void => {
        const match = pattern.exec(text);
        if (match) done(() => resolve(match));
        else if (ended) done(() => reject(new Error(`${command} ended without ${pattern}:\n${text}`)));
      };
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        watchers.delete(look);
        settle();
      };
      watchers.add(look);
      look();
    });
  }

  async function stop(signal: NodeJS.Signals = 'SIGTERM', grace = 5000): Promise<void> {
    if (ended) return;
    child.kill(signal);
    const insist = setTimeout(() => child.kill('SIGKILL'), grace);
    await exited;
    clearTimeout(insist);
  }

  return { child, output: () => text, waitFor, stop, exited };
}
