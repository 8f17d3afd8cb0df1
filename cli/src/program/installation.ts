import type { Command } from 'commander';
import {
  type HomeOption,
  homeOf,
  type OutputOption,
  print,
  type Terminal,
  wholeNumber,
  withHome,
  withOutput,
} from './options.ts';

interface StartOptions extends HomeOption {
  domain?: string;
  portOffset?: number;
  listen?: string;
}

export function addInstallationCommands(program: Command, terminal: Terminal): void {
  addStart(program);
  addStatus(program, terminal);
  addStop(program, terminal);
}

function addStart(program: Command): void {
  withHome(program.command('start'))
    .description('run all roles, PostgreSQL and NATS on this machine until Ctrl-C')
    .option('--domain <domain>', 'SIP domain of a new installation (default: contoso.lab)')
    .option('--port-offset <number>', 'added to every port', wholeNumber)
    .option('--listen <address>', 'where SIP clients connect (default: 127.0.0.1; 0.0.0.0 is everywhere)')
    .action(async ({ home, ...settings }: StartOptions) => {
      const { start } = await import('../commands/start.ts');
      await start({ home: homeOf({ home }), settings });
    });
}

function addStatus(program: Command, terminal: Terminal): void {
  withOutput(program.command('status'))
    .description('whether the installation is ready, its roles, and where to reach them')
    .action(async (options: OutputOption) => {
      const { isStopped, status } = await import('../commands/status.ts');
      const { statusTable } = await import('../output/status.ts');
      const report = await status(homeOf(options));
      await print(terminal, options, report, () => statusTable(report));
      if (isStopped(report)) throw await notRunning(report.home);
    });
}

async function notRunning(home: string): Promise<Error> {
  const { CliError, EXIT } = await import('../cli-error.ts');
  return new CliError(`Nothing runs in ${home}. To start it: linchpin start --home ${home}`, EXIT.notRunning);
}

function addStop(program: Command, { out }: Terminal): void {
  withHome(program.command('stop'))
    .description('end the installation that runs in the home folder')
    .action(async (options: HomeOption) => {
      const { stop } = await import('../commands/stop.ts');
      await stop(homeOf(options), (line) => out(`${line}\n`));
    });
}
