import { type Command, Option } from 'commander';
import type { ComplianceTarget } from '../commands/compliance.ts';
import {
  hostPort,
  limit,
  type OutputOption,
  print,
  siteOf,
  type Terminal,
  withSiteOutput,
} from './options.ts';

interface ComplianceOption extends OutputOption {
  pod?: string;
  reason?: string;
}

interface QueryOption extends ComplianceOption {
  room?: string;
  by?: string;
  from?: string;
  to?: string;
  kind: string[];
  text?: string;
  limit: number;
}

interface ExportOption extends ComplianceOption {
  room?: string;
  user?: string;
  order?: string;
  to: string;
}

interface HoldOption extends ComplianceOption {
  room?: string;
  user?: string;
  all: boolean;
}

const commands = () => import('../commands/compliance.ts');
const output = () => import('../output/compliance.ts');

const targetOf = async (options: ComplianceOption): Promise<ComplianceTarget> => ({
  site: await siteOf(options),
  pod: options.pod,
});

const ENOUGH = 1000;

/** What auditors ask: `linchpin compliance …`. */
export function addComplianceCommands(program: Command, terminal: Terminal): void {
  const group = program
    .command('compliance')
    .description('the compliance store of Persistent Chat: status, verify, query, export, holds');
  addStatus(group, terminal);
  addVerify(group, terminal);
  addVerifyExport(group, terminal);
  addQuery(group, terminal);
  addExport(group.command('export'), terminal);
  addOrders(group, terminal);
  addHolds(group, terminal);
  const others = program.command('export').description('write what is kept into a file');
  addExport(others.command('compliance'), terminal);
}

const withPod = (command: Command): Command =>
  withSiteOutput(command).option(
    '--pod <host:port>',
    'ask this pod of Persistent Chat itself, not by way of CMS',
    hostPort,
  );

const withReason = (command: Command): Command =>
  withPod(command).requiredOption('--reason <text>', 'why you ask, for the audit');

function addStatus(group: Command, terminal: Terminal): void {
  withPod(group.command('status'))
    .description('how far the compliance store is, and its adapters')
    .action(async (options: ComplianceOption) => {
      const { complianceStatus } = await commands();
      const { complianceText } = await output();
      const status = await complianceStatus(await targetOf(options));
      await print(terminal, options, status, () => complianceText(status));
    });
}

function addVerify(group: Command, terminal: Terminal): void {
  withReason(group.command('verify [room]'))
    .description(
      'compute the hash chains of all rooms and categories again, or of one; exit code 1 when one is not whole',
    )
    .option('--manifest <file>', 'manifest.json of an export: the chains must have the hashes that it had')
    .action(async (room: string | undefined, options: ComplianceOption & { manifest?: string }) => {
      const { verify } = await commands();
      const { chainTable } = await output();
      const { CliError } = await import('../cli-error.ts');
      const { manifest, reason = '' } = options;
      const lines = await verify(await targetOf(options), room ?? '', manifest, reason, () => {});
      await print(terminal, options, lines, () => chainTable(lines));
      const broken = lines.filter(({ finding }) => finding !== undefined);
      if (broken.length > 0) throw new CliError(`${broken.length} of ${lines.length} chains are not whole`);
    });
}

function addVerifyExport(group: Command, { out, err }: Terminal): void {
  group
    .command('verify-export <archive> [sha256]')
    .description(
      'check an export, or the folder that it was unpacked to, without any server; sha256: of its manifest.json, as the audit has it',
    )
    .action(async (archive: string, sha256: string | undefined) => {
      const { verifyExport } = await import('../commands/verify-export.ts');
      const { harmless } = await import('../output/harmless.ts');
      const { CliError } = await import('../cli-error.ts');
      const { summary, problems } = await verifyExport(archive, sha256);
      if (problems.length === 0) return out(`${harmless(summary)}\n`);
      err(problems.map((line) => `${harmless(line)}\n`).join(''));
      throw new CliError(`${archive} is not as it was exported`);
    });
}

function addQuery(group: Command, terminal: Terminal): void {
  withReason(group.command('query'))
    .description('events of the compliance store')
    .option('--room <room>', 'of this room or category')
    .option('--by <who>', 'what this user did, or admin:<name>')
    .option('--from <time>', 'from this moment on, such as 2026-03-01T00:00:00Z')
    .option('--to <time>', 'before this moment')
    .option('--kind <kind...>', 'post, edit, delete, join, part, download, …', [])
    .option('--text <text>', 'what the event has in it')
    .option('--limit <number>', 'so many at most', limit, ENOUGH)
    .action(async (options: QueryOption) => {
      const { query } = await commands();
      const { eventList } = await output();
      const { room, by, from, to, kind: kinds, text, limit, reason = '' } = options;
      const asked = { room, by, from, to, kinds, text, limit, reason };
      const found = await query(await targetOf(options), asked);
      await print(terminal, options, found, () => eventList(found));
    });
}

function addExport(command: Command, terminal: Terminal): void {
  withReason(command)
    .description('everything of a room or of a user as a tar archive, with a manifest of hashes')
    .option('--room <room>', 'of this room or category')
    .option('--user <user>', 'of this user, in all rooms')
    .addOption(
      new Option('--order <id>', 'what this order says, which another administrator has approved').conflicts([
        'room',
        'user',
      ]),
    )
    .requiredOption('--to <file>', 'the archive')
    .action(async (options: ExportOption) => {
      const { exportArchive } = await commands();
      const { room, user, order, to, reason = '' } = options;
      const bytes = await exportArchive(await targetOf(options), { room, user, order, to, reason });
      await print(terminal, options, { file: to, bytes }, () => `${to}: ${bytes} bytes`);
    });
}

/** Where an export takes two administrators. */
function addOrders(group: Command, terminal: Terminal): void {
  withReason(group.command('order'))
    .description('ask for an export that another administrator has to approve')
    .option('--room <room>', 'of this room or category')
    .option('--user <user>', 'of this user, in all rooms')
    .action(async (options: ExportOption) => {
      const { orderExport } = await commands();
      const { orderTable } = await output();
      const { room, user, reason = '' } = options;
      const order = await orderExport(await targetOf(options), { room, user, reason });
      await print(terminal, options, order, () => orderTable([order]));
    });
  withPod(group.command('orders'))
    .description('exports that were asked for in the last thirty days')
    .action(async (options: ComplianceOption) => {
      const { orders } = await commands();
      const { orderTable } = await output();
      const found = await orders(await targetOf(options));
      await print(terminal, options, found, () => orderTable(found));
    });
  withPod(group.command('approve <id>'))
    .description('approve an export that another administrator has asked for; it is good for a day')
    .action(async (id: string, options: ComplianceOption) => {
      const { approve } = await commands();
      const { orderTable } = await output();
      const order = await approve(await targetOf(options), id);
      await print(terminal, options, order, () => orderTable([order]));
    });
}

function addHolds(group: Command, terminal: Terminal): void {
  withPod(group.command('holds'))
    .description('legal holds on what compliance has stored: retention deletes nothing that they are on')
    .option('--all', 'also those that were released', false)
    .action(async (options: HoldOption) => {
      const { holds } = await commands();
      const { holdTable } = await output();
      const found = await holds(await targetOf(options), options.all);
      await print(terminal, options, found, () => holdTable(found));
    });
  withPod(group.command('hold <name>'))
    .description(
      'place a legal hold, named after its case; on everything where neither room nor user is given',
    )
    .option('--room <room>', 'on this room or category')
    .option('--user <user>', 'on what this user did')
    .action(async (name: string, options: HoldOption) => {
      const { placeHold } = await commands();
      const { holdTable } = await output();
      const { room, user: subject } = options;
      const hold = await placeHold(await targetOf(options), name, { room, subject });
      await print(terminal, options, hold, () => holdTable([hold]));
    });
  withReason(group.command('release <id>'))
    .description('end a legal hold')
    .action(async (id: string, options: HoldOption) => {
      const { releaseHold } = await commands();
      const { holdTable } = await output();
      const hold = await releaseHold(await targetOf(options), id, options.reason ?? '');
      await print(terminal, options, hold, () => holdTable([hold]));
    });
}
