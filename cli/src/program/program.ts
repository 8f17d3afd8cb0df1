import { Command } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { aliasHelp } from '../cs-aliases.ts';
import { KINDS } from '../management/kinds.ts';
import { addComplianceCommands } from './compliance.ts';
import { addDocumentCommands } from './documents.ts';
import { addImportCommand } from './import.ts';
import { addInstallationCommands } from './installation.ts';
import type { Terminal } from './options.ts';
import { addPoolCommands } from './pool.ts';
import { addRoomCommands } from './rooms.ts';
import { addTestCommand } from './test.ts';

/** All commands with their options. What a command does is loaded when it is used: `status` starts fast. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('linchpin')
    .description(
      'Linchpin, a unified-communications server: the installation on this machine and its management.',
    )
    .version(manifest.version, '--version', 'which release this is')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .showHelpAfterError('(linchpin --help lists the commands)')
    .addHelpText('after', () => `${kindHelp()}\n${SITE_HELP}\n${aliasHelp()}`);
  addInstallationCommands(program, terminal);
  addDocumentCommands(program, terminal);
  addPoolCommands(program, terminal);
  addRoomCommands(program, terminal);
  addComplianceCommands(program, terminal);
  addImportCommand(program, terminal);
  addTestCommand(program, terminal);
  return program;
}

function kindHelp(): string {
  const lines = Object.entries(KINDS).map(([kind, what]) => `  ${kind.padEnd(24)} ${what}`);
  return ['', 'Kinds of documents (any case, singular or plural):', ...lines].join('\n');
}

const SITE_HELP = `
Which system: the installation in the home folder, or any other with --cms host:port and --tls-dir (the environment's LINCHPIN_CMS
and LINCHPIN_TLS_DIR): all but start, status, stop, test and compliance
verify-export go to its CMS, which asks the other pods. In a cluster:
  kubectl exec <release>-cms-0 -- node linchpin.js get pool
  kubectl port-forward service/<release>-cms 7010 & linchpin get pool --cms localhost:7010 --tls-dir <folder>`;
