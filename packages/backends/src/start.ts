import { createInterface } from 'node:readline';
import { BackendError } from './error.ts';
import type { GuardedChild } from './process.ts';

export interface StartWatch {
  name: string;
  port: number;
  /** What the line contains that the server logs once it serves. */
  ready: string;
  onLog?: ((line: string) => void) | undefined;
}

const TAIL_LINES = 8;

/** Reads the server's log on stderr; resolves when it says that it is ready, rejects when it ends before. */
export function watchStart({ child, exited }: GuardedChild, watch: StartWatch): Promise<void> {
  const tail: string[] = [];
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      watch.onLog?.(line);
      if (line.includes(watch.ready)) resolve();
      if (tail.push(line) > TAIL_LINES) tail.shift();
    });
    exited.then(() => reject(new BackendError(failure(watch, tail))));
  });
}

function failure({ name, port }: StartWatch, tail: string[]): string {
  const log = tail.join('\n');
  if (/address already in use/i.test(log)) {
    return `${name} cannot listen on 127.0.0.1:${port}: another program uses that port. Stop it, or choose other ports.`;
  }
  return `${name} ended while starting:\n${log}`;
}
