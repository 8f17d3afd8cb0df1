import type { Command } from 'commander';
import type { Outcome } from '../commands/documents.ts';
import { type OutputOption, print, siteOf, type Terminal, withSiteOutput } from './options.ts';
import { printPods, printPool } from './pool.ts';
import { type ChatOption, changeChat, chatKind, printChat, withChat } from './rooms.ts';

interface ChangeOptions extends ChatOption {
  passwordFile?: string;
  displayName?: string;
}

interface ApplyOptions extends OutputOption {
  file: string;
  dryRun: boolean;
  force: boolean;
}

export function addDocumentCommands(program: Command, terminal: Terminal): void {
  addGet(program, terminal);
  addDescribe(program, terminal);
  addCreate(program, terminal);
  addSet(program, terminal);
  addApply(program, terminal);
  addDelete(program, terminal);
}

const ROOMS = 'rooms and categories: ';

const documents = () => import('../commands/documents.ts');

function addGet(program: Command, terminal: Terminal): void {
  withChat(program.command('get <kind> [name]'), ROOMS)
    .description(
      'show documents of a kind; "replicas": who runs which version of the configuration; "pods": who is there; ' +
        '"pool": the members of a pool of Front Ends, and who has which routing group; "categories", "rooms", "access <room>"',
    )
    .action(async (kind: string, name: string | undefined, options: ChatOption) => {
      const chat = chatKind(kind);
      if (chat !== undefined) return printChat(terminal, chat, name, options);
      if (/^replicas?$/i.test(kind)) return printReplicas(terminal, options);
      if (/^pods?$/i.test(kind)) return printPods(terminal, options);
      if (/^pools?$/i.test(kind)) return printPool(terminal, name ?? '', options);
      const { get } = await documents();
      const { documentTable } = await import('../output/documents.ts');
      const found = await get({ site: await siteOf(options), kind, name });
      const value = name === undefined ? found : found[0];
      await print(terminal, options, value, () => documentTable(found));
    });
}

async function printReplicas(terminal: Terminal, options: OutputOption): Promise<void> {
  const { replicas } = await import('../commands/replicas.ts');
  const { replicaTable } = await import('../output/replicas.ts');
  const found = await replicas(await siteOf(options));
  await print(terminal, options, found, () => replicaTable(found));
}

function addDescribe(program: Command, terminal: Terminal): void {
  withSiteOutput(program.command('describe <kind> <name>'))
    .description(
      'show a user: where it is served and why, endpoints with the pods that they are connected to, presence, watchers',
    )
    .action(async (kind: string, name: string, options: OutputOption) => {
      const { describeUser } = await import('../commands/describe.ts');
      const { userDescription } = await import('../output/user.ts');
      const user = await describeUser(await siteOf(options), kind, name);
      await print(terminal, options, user, () => userDescription(user));
    });
}

function addCreate(program: Command, terminal: Terminal): void {
  withChat(program.command('create <kind> <name> [setting=value...]'), ROOMS)
    .description(
      'create a user, a policy or a configuration; a category (allowed=…, creators=…) or a room (category=…, members=…)',
    )
    .option('--display-name <name>', 'of a user')
    .option(
      '--password-file <file>',
      "a user's password is its first line (- is stdin); without, one is made up and shown",
    )
    .action(async (kind: string, name: string, assignments: string[], options: ChangeOptions) => {
      const chat = chatKind(kind);
      if (chat !== undefined) return changeChat(terminal, 'create', chat, name, assignments, options);
      const { create } = await documents();
      const { passwordFile, displayName } = options;
      const site = await siteOf(options);
      await printOutcomes(
        terminal,
        options,
        await create({ site, kind, name, assignments, passwordFile, displayName }),
      );
    });
}

function addSet(program: Command, terminal: Terminal): void {
  withChat(program.command('set <kind> <name> [setting=value...]'), ROOMS)
    .description(
      'change settings of a document: enabled=false, policies.presence=Private; null takes one away; or of a category or room',
    )
    .option('--password-file <file>', "a user's new password is its first line; - is stdin")
    .action(async (kind: string, name: string, assignments: string[], options: ChangeOptions) => {
      const chat = chatKind(kind);
      if (chat !== undefined) return changeChat(terminal, 'set', chat, name, assignments, options);
      const { set } = await documents();
      const { passwordFile } = options;
      await printOutcomes(
        terminal,
        options,
        await set({ site: await siteOf(options), kind, name, assignments, passwordFile }),
      );
    });
}

function addApply(program: Command, terminal: Terminal): void {
  withSiteOutput(program.command('apply'))
    .description('make the documents of a file true, all or none of them')
    .requiredOption('-f, --file <file>', 'YAML (several documents if you like) or JSON; - is stdin')
    .option('--dry-run', 'check and say what would happen', false)
    .option('--force', 'also where somebody else changed a document since it was read', false)
    .action(async (options: ApplyOptions) => {
      const { apply } = await documents();
      const { file, dryRun, force } = options;
      await printOutcomes(
        terminal,
        options,
        await apply({ site: await siteOf(options), file, dryRun, force }),
      );
    });
}

function addDelete(program: Command, terminal: Terminal): void {
  withChat(program.command('delete <kind> <name>'), ROOMS)
    .description(
      'delete a document; what is called "global" stays: apply it with an empty spec to reset it; or a category or room',
    )
    .action(async (kind: string, name: string, options: ChatOption) => {
      const chat = chatKind(kind);
      if (chat !== undefined) return changeChat(terminal, 'delete', chat, name, [], options);
      const { remove } = await documents();
      await printOutcomes(terminal, options, await remove({ site: await siteOf(options), kind, name }));
    });
}

/** One outcome is an object for programs, several are a list. */
async function printOutcomes(
  terminal: Terminal,
  options: OutputOption,
  result: Outcome | Outcome[],
): Promise<void> {
  const outcomes = [result].flat();
  await print(terminal, options, result, () => outcomes.map(outcomeLines).join('\n'));
  if (outcomes.every(({ pushed }) => pushed)) return;
  terminal.err('linchpin: stored, but NATS is away: the roles hear of it when it is back\n');
}

const outcomeLines = ({ kind, name, outcome, password }: Outcome): string =>
  [`${kind}/${name} ${outcome}`, ...(password === undefined ? [] : [`password: ${password}`])].join('\n');
