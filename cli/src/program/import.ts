import type { Command } from 'commander';
import { print, siteOf, type Terminal, withSiteOutput } from './options.ts';
import type { ChatOption } from './rooms.ts';

interface ImportOption extends ChatOption {
  category: string;
  domain: string[];
  dryRun: boolean;
}

const HELP = `
What is read: rooms with name, description, whether they are disabled, and who manages them or is a member; groups as the users in
them. Microsoft has published no schema of the export: categories, privacy and messages are not imported, and what was left alone
is named at the end. Rooms that are there already stay as they are, so the command may be repeated.`;

export function addImportCommand(program: Command, terminal: Terminal): void {
  const group = program.command('import').description('take over what another system has exported');
  withSiteOutput(group.command('persistent-chat-data <file>'))
    .description(
      "rooms of Lync's Export-CsPersistentChatData: the ZIP archive, or the folder that it was unpacked into",
    )
    .requiredOption('--category <name>', 'of all rooms; it has to allow their members')
    .option('--domain <from=to...>', 'users of the one domain are those of the other here', [])
    .option('--pod <host:port>', 'ask this pod of Persistent Chat itself, not by way of CMS')
    .option('--dry-run', 'say what would be created', false)
    .addHelpText('after', HELP)
    .action(async (file: string, options: ImportOption) => {
      const { importChatData } = await import('../commands/import.ts');
      const { importText } = await import('../output/import.ts');
      const { CliError } = await import('../cli-error.ts');
      const { category, domain: domains, dryRun, pod } = options;
      const target = { site: await siteOf(options), pod };
      const report = await importChatData(target, { file, category, domains, dryRun });
      await print(terminal, options, report, () => importText(report));
      const failed = report.rooms.filter((room) => room.failed).length;
      if (failed > 0) throw new CliError(`${failed} of ${report.rooms.length} rooms were not imported`);
    });
}
