import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { type OutputOption, print, siteOf, type Terminal, withSiteOutput } from './options.ts';

const DRAIN_HELP = `
The pod takes nothing new, hands what it keeps to others (a Front End its routing groups), moves its clients on one by one, and
ends its process with exit code 0 when nothing is left or its drainSeconds are over. Whoever runs the process starts a new one:
a StatefulSet, or Standard Edition's supervisor. To have one pod less, scale the StatefulSet down: that drains as well.
Ctrl-C leaves the drain alone; the same command again watches it. Exit code 1: its time was over with something left.`;

export function addPoolCommands(program: Command, terminal: Terminal): void {
  withSiteOutput(program.command('drain <pod>'))
    .description('take a pod out of service gently, such as frontend-1; shows what is left')
    .addHelpText('after', DRAIN_HELP)
    .action((pod: string, options: OutputOption) => drain(terminal, pod, options));
}

async function drain({ out, live = false, ...terminal }: Terminal, pod: string, options: OutputOption) {
  const { drain } = await import('../commands/drain.ts');
  const { createCountdown, drainLine } = await import('../output/drain.ts');
  const isTable = options.output === 'table';
  const countdown = createCountdown(isTable ? out : () => {}, live);
  const report = await drain(await siteOf(options), pod, countdown.show).finally(countdown.end);
  if (!isTable) await print({ ...terminal, out }, options, report, () => '');
  if (report.state === 'forced') throw new CliError(drainLine(report));
}

export async function printPool(terminal: Terminal, name: string, options: OutputOption): Promise<void> {
  const { pool } = await import('../commands/pool.ts');
  const { poolTable } = await import('../output/pool.ts');
  const found = await pool(await siteOf(options), name);
  await print(terminal, options, found, () => poolTable(found));
}

export async function printPods(terminal: Terminal, options: OutputOption): Promise<void> {
  const { pods } = await import('../commands/pool.ts');
  const { podTable } = await import('../output/pool.ts');
  const found = await pods(await siteOf(options));
  await print(terminal, options, found, () => podTable(found));
}
