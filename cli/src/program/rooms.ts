import type { Command } from 'commander';
import type { ChatOutcome, ChatTarget } from '../commands/rooms.ts';
import {
  hostPort,
  limit,
  type OutputOption,
  postNumber,
  postNumberOrNone,
  print,
  siteOf,
  type Terminal,
  withSiteOutput,
} from './options.ts';

export interface ChatOption extends OutputOption {
  as?: string;
  pod?: string;
}

interface PostOption extends ChatOption {
  subject?: string;
  thread?: number;
  clientId?: string;
}

interface HistoryOption extends ChatOption {
  before?: number;
  after?: number;
  limit?: number;
}

interface SearchOption extends ChatOption {
  room: string[];
  author?: string;
  from?: string;
  to?: string;
  limit?: number;
}

interface PurgeOption extends ChatOption {
  before?: string;
  author?: string;
  seq: number[];
  why: string;
}

const commands = () => import('../commands/rooms.ts');
const output = () => import('../output/rooms.ts');

/** Kinds that are no documents: Persistent Chat keeps them. */
export type ChatKind = 'category' | 'room' | 'access';
const KINDS: [RegExp, ChatKind][] = [
  [/^categor(y|ies)$/i, 'category'],
  [/^rooms?$/i, 'room'],
  [/^access$/i, 'access'],
];
export const chatKind = (word: string): ChatKind | undefined =>
  KINDS.find(([pattern]) => pattern.test(word))?.[1];

const targetOf = async (options: ChatOption): Promise<ChatTarget> => ({
  site: await siteOf(options),
  as: options.as,
  pod: options.pod,
});

export async function printChat(
  terminal: Terminal,
  kind: ChatKind,
  name: string | undefined,
  options: ChatOption,
): Promise<void> {
  if (kind === 'access') return printAccess(terminal, name, options);
  const { categories, room, rooms } = await commands();
  const { categoryTable, roomTable } = await output();
  const target = await targetOf(options);
  if (kind === 'category') {
    const found = await categories(target, name);
    return print(terminal, options, name === undefined ? found : found[0], () => categoryTable(found));
  }
  const found = name === undefined ? await rooms(target) : await room(target, name);
  return print(terminal, options, name === undefined ? found : found[0], () => roomTable(found));
}

async function printAccess(terminal: Terminal, name: string | undefined, options: ChatOption): Promise<void> {
  const { CliError, EXIT } = await import('../cli-error.ts');
  if (name === undefined) throw new CliError('Of which room? linchpin get access Lobby', EXIT.usage);
  const { access } = await commands();
  const { accessTable } = await output();
  const found = await access(await targetOf(options), name);
  await print(terminal, options, found, () => accessTable(found));
}

type Verb = 'create' | 'set' | 'delete';

/** `linchpin create room …` and its like, which share their words with documents. */
export async function changeChat(
  terminal: Terminal,
  verb: Verb,
  kind: ChatKind,
  name: string,
  settings: string[],
  options: ChatOption,
): Promise<void> {
  const { CliError, EXIT } = await import('../cli-error.ts');
  if (kind === 'access')
    throw new CliError('linchpin add and linchpin remove change who is in a room.', EXIT.usage);
  const all = await commands();
  const change: Record<Verb, (target: ChatTarget) => Promise<ChatOutcome>> = {
    create: (target) => (kind === 'room' ? all.createRoom : all.createCategory)(target, name, settings),
    set: (target) => (kind === 'room' ? all.setRoom : all.setCategory)(target, name, settings),
    delete: (target) => (kind === 'room' ? all.deleteRoom : all.deleteCategory)(target, name),
  };
  await printOutcome(terminal, options, await change[verb](await targetOf(options)));
}

const printOutcome = (terminal: Terminal, options: ChatOption, outcome: ChatOutcome): Promise<void> =>
  print(terminal, options, outcome, () => `${outcome.kind}/${outcome.name} ${outcome.outcome}`);

export const withChat = (command: Command, of = ''): Command =>
  withSiteOutput(command)
    .option('--as <user>', `${of}in the name of this user, with the rights of that one`)
    .option('--pod <host:port>', `${of}ask this pod of Persistent Chat itself, not by way of CMS`, hostPort);

export function addRoomCommands(program: Command, terminal: Terminal): void {
  for (const verb of ['add', 'remove'] as const) addAccess(program, terminal, verb);
  addPost(program, terminal);
  addHistory(program, terminal);
  addSearch(program, terminal);
  addFollow(program, terminal);
  addPurge(program, terminal);
  addHold(program, terminal);
}

function addAccess(program: Command, terminal: Terminal, verb: 'add' | 'remove'): void {
  withChat(program.command(`${verb} <role> <room> <who...>`))
    .description(
      verb === 'add'
        ? 'let people into a room: add member Lobby alice domain:contoso.com group:Sales; also manager and presenter'
        : 'take people out of a room; who is there at this moment is shown out',
    )
    .action(async (role: string, room: string, who: string[], options: ChatOption) => {
      const { changeAccess } = await commands();
      const { accessTable } = await output();
      const access = await changeAccess(await targetOf(options), verb, role, room, who);
      await print(terminal, options, access, () => accessTable(access));
    });
}

function addPost(program: Command, terminal: Terminal): void {
  withChat(program.command('post <room> <text...>'))
    .description('say something in a room; - is what stdin says')
    .option('--subject <title>', 'makes it a story')
    .option('--thread <number>', 'the post that it answers', postNumber)
    .option('--client-id <id>', 'the same one again stores nothing and shows the first post')
    .action(async (room: string, words: string[], options: PostOption) => {
      const { post } = await commands();
      const { postLine } = await output();
      const body = words.join(' ') === '-' ? await stdin() : words.join(' ');
      const { subject, thread, clientId } = options;
      const made = await post(await targetOf(options), room, { body, subject, thread, clientId });
      await print(terminal, options, made, () => postLine(made));
    });
}

async function stdin(): Promise<string> {
  const { text } = await import('node:stream/consumers');
  return (await text(process.stdin)).replace(/\n$/, '');
}

function addHistory(program: Command, terminal: Terminal): void {
  withChat(program.command('history <room>'))
    .description('the last posts of a room, or those around a number')
    .option('--before <number>', 'posts before this one', postNumber)
    .option('--after <number>', 'posts after this one', postNumberOrNone)
    .option('--limit <number>', 'so many at most', limit)
    .action(async (room: string, options: HistoryOption) => {
      const { history } = await commands();
      const { postLines } = await output();
      const { before, after, limit } = options;
      const posts = await history(await targetOf(options), room, { before, after, limit });
      await print(terminal, options, posts, () => postLines(posts));
    });
}

function addSearch(program: Command, terminal: Terminal): void {
  withChat(program.command('search <word...>'))
    .description('posts with all of these words, of all rooms that may be read')
    .option('--room <room...>', 'only in these', [])
    .option('--author <user>', 'only of this one')
    .option('--from <time>', 'not before this time, such as 2026-03-01T00:00:00Z')
    .option('--to <time>', 'not after this time')
    .option('--limit <number>', 'so many at most', limit)
    .action(async (words: string[], options: SearchOption) => {
      const { search } = await commands();
      const { postLines } = await output();
      const { room: rooms, author, from, to, limit } = options;
      const posts = await search(await targetOf(options), {
        ...{ text: words.join(' '), rooms, author, from, to, limit },
      });
      await print(terminal, options, posts, () => postLines(posts));
    });
}

function addFollow(program: Command, terminal: Terminal): void {
  withChat(program.command('follow <room>'))
    .description('be in a room and show what happens there until Ctrl-C; needs --as')
    .action(async (room: string, options: ChatOption) => {
      const { follow } = await commands();
      const { eventLines } = await output();
      await follow(await targetOf(options), room, (event) =>
        terminal.out(
          options.output === 'table' ? `${eventLines(event).join('\n')}\n` : `${JSON.stringify(event)}\n`,
        ),
      );
    });
}

function addPurge(program: Command, terminal: Terminal): void {
  withChat(program.command('purge <room>'))
    .description('delete posts for good; a legal hold keeps them')
    .option('--before <time>', 'older than this time, such as 2026-03-01T00:00:00Z; "now" is all of them')
    .option('--author <user>', 'of this one')
    .option('--seq <number...>', 'these', numbers, [])
    .requiredOption('--why <reason>', 'for the compliance store')
    .action(async (room: string, options: PurgeOption) => {
      const { purge } = await commands();
      const { author, seq: seqs, why } = options;
      const before = options.before === 'now' ? new Date().toISOString() : options.before;
      const posts = await purge(await targetOf(options), room, { before, author, seqs, why });
      await print(terminal, options, { room, posts }, () => `${posts} posts of ${room} are deleted`);
    });
}

const numbers = (word: string, before: number[]): number[] => [...before, postNumber(word)];

function addHold(program: Command, terminal: Terminal): void {
  withChat(program.command('hold <room>'))
    .description('a legal hold: nothing of the room is deleted, by nobody')
    .option('--release', 'end it', false)
    .action(async (room: string, options: ChatOption & { release: boolean }) => {
      const { hold } = await commands();
      await printOutcome(terminal, options, await hold(await targetOf(options), room, !options.release));
    });
}
