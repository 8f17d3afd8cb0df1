import { CommanderError } from 'commander';
import { CliError, EXIT } from './cli-error.ts';
import { expandAlias } from './cs-aliases.ts';
import { harmless } from './output/harmless.ts';
import type { Terminal } from './program/options.ts';
import { createProgram } from './program/program.ts';

/** Runs one command line; resolves to the exit code. */
export async function runCommandLine(args: string[], terminal: Terminal): Promise<number> {
  try {
    await createProgram(terminal).parseAsync(expandAlias(args), { from: 'user' });
    return 0;
  } catch (error) {
    return report(error as Error, terminal);
  }
}

function report(error: Error, { err }: Terminal): number {
  // Commander has said what is wrong; help that was asked for has exit code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
  err(`linchpin: ${printable(error.message)}\n`);
  if (error instanceof CliError) return error.exitCode;
  if (process.env.LINCHPIN_DEBUG) err(`${error.stack}\n`);
  return EXIT.failed;
}

/** A message of several lines may quote what a file or a server gave. */
const printable = (message: string): string => message.split('\n').map(harmless).join('\n');
