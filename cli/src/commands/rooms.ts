import type { Access, Category, JoinEvent, Post, Room } from '@linchpin/proto/chat/v1/chat';
import { CliError, EXIT } from '../cli-error.ts';
import {
  type Chat,
  type HistoryOptions,
  NO_ACCESS,
  type PostOptions,
  type PurgeOptions,
  type RoomEntry,
  type SearchOptions,
  withChat,
} from '../management/chat.ts';
import {
  accessOf,
  categorySpec,
  principal,
  roomSpec,
  roomSpecAndAccess,
} from '../management/chat-settings.ts';
import { domainOf, withCms } from '../management/cms.ts';
import type { Site } from '../management/site.ts';

/** Where, and in whose name. */
export interface ChatTarget {
  site: Site;
  /** A user; undefined: the administrator. */
  as?: string | undefined;
  /** host:port of a pod that is asked itself, past CMS. */
  pod?: string | undefined;
}

/** What became of a category or room, as of documents. */
export interface ChatOutcome {
  kind: 'Category' | 'Room';
  name: string;
  outcome: 'created' | 'changed' | 'deleted';
}

export const categories = (target: ChatTarget, name?: string): Promise<Category[]> =>
  open(target, () => async (chat) => {
    const all = await chat.categories();
    if (name === undefined) return all;
    const found = all.filter((each) => same(each, name));
    if (found.length === 0) throw new CliError(`There is no category ${name}.`);
    return found;
  });

export const rooms = (target: ChatTarget): Promise<RoomEntry[]> =>
  open(target, () => (chat) => chat.rooms(''));

export const room = (target: ChatTarget, name: string): Promise<RoomEntry[]> =>
  open(target, () => async (chat) => {
    const { room: found, categoryName } = await chat.room(name);
    if (found === undefined) throw new CliError(`There is no room ${name}.`);
    return [{ ...found, categoryName }];
  });

export const access = (target: ChatTarget, name: string): Promise<Access> =>
  open(target, () => (chat) => chat.access(name));

export const createCategory = (target: ChatTarget, name: string, settings: string[]): Promise<ChatOutcome> =>
  open(target, (domain) => {
    const spec = { ...categorySpec(settings, domain), name };
    return async (chat) => outcome('Category', await chat.createCategory(spec), 'created');
  });

export const createRoom = (target: ChatTarget, name: string, settings: string[]): Promise<ChatOutcome> =>
  open(target, (domain) => {
    const { spec, access } = roomSpecAndAccess(settings, domain);
    if (spec.category === undefined)
      throw new CliError(`In which category? linchpin create room ${name} category=Trading`, EXIT.usage);
    return async (chat) => outcome('Room', await chat.createRoom({ ...spec, name }, access), 'created');
  });

export const setCategory = (target: ChatTarget, name: string, settings: string[]): Promise<ChatOutcome> =>
  open(target, (domain) => {
    const change = categorySpec(settings, domain);
    return async (chat) => outcome('Category', await chat.changeCategory(name, change), 'changed');
  });

export const setRoom = (target: ChatTarget, name: string, settings: string[]): Promise<ChatOutcome> =>
  open(target, (domain) => {
    const change = roomSpec(settings, domain);
    return async (chat) => outcome('Room', await chat.changeRoom(name, change), 'changed');
  });

export const deleteCategory = (target: ChatTarget, name: string): Promise<ChatOutcome> =>
  open(target, () => async (chat) => {
    await chat.deleteCategory(name);
    return outcome('Category', { name }, 'deleted');
  });

export const deleteRoom = (target: ChatTarget, name: string): Promise<ChatOutcome> =>
  open(target, () => async (chat) => {
    await chat.deleteRoom(name);
    return outcome('Room', { name }, 'deleted');
  });

/** `role`: member, manager or presenter. Resolves with who is in the room then. */
export const changeAccess = (
  target: ChatTarget,
  change: 'add' | 'remove',
  role: string,
  name: string,
  who: string[],
): Promise<Access> =>
  open(target, (domain) => {
    const given = accessOf(
      role,
      who.map((each) => principal(each, domain)),
    );
    const [add, remove] = change === 'add' ? [given, NO_ACCESS] : [NO_ACCESS, given];
    return (chat) => chat.changeAccess(name, add, remove);
  });

export const post = (target: ChatTarget, name: string, options: PostOptions): Promise<Post> =>
  open(target, () => (chat) => chat.post(name, options));

export const history = (target: ChatTarget, name: string, options: HistoryOptions): Promise<Post[]> =>
  open(target, () => (chat) => chat.history(name, options));

export const search = (target: ChatTarget, options: SearchOptions): Promise<Post[]> =>
  open(target, (domain) => {
    const author = options.author && principal(options.author, domain, '--author');
    return (chat) => chat.search({ ...options, author });
  });

export const purge = (target: ChatTarget, name: string, options: PurgeOptions): Promise<number> =>
  open(target, (domain) => {
    const { before, author, seqs } = options;
    if (before === undefined && author === undefined && seqs.length === 0)
      throw new CliError(
        'Which posts? Give --before, --author or --seq; --before now takes all of them.',
        EXIT.usage,
      );
    const of = author && principal(author, domain, '--author');
    return (chat) => chat.purge(name, { ...options, author: of });
  });

export const hold = (target: ChatTarget, name: string, legalHold: boolean): Promise<ChatOutcome> =>
  open(target, () => async (chat) => outcome('Room', await chat.changeRoom(name, { legalHold }), 'changed'));

export const follow = (
  target: ChatTarget,
  name: string,
  onEvent: (event: JoinEvent) => void,
): Promise<void> =>
  open(target, () => {
    if (target.as === undefined)
      throw new CliError(
        'In whose name? Give --as: administrators are in no room; what was said there linchpin history shows.',
        EXIT.usage,
      );
    return (chat) => chat.join(name, onEvent);
  });

/** `prepare` says what is wrong with the command line before anybody is asked. */
async function open<T>(
  { site, as, pod }: ChatTarget,
  prepare: (domain: string) => (chat: Chat) => Promise<T>,
): Promise<T> {
  const domain = site.domain ?? (await withCms(site, (cms) => domainOf(site, cms)));
  const user = as === undefined ? '' : principal(as, domain, '--as');
  return withChat(site, { user, pod }, prepare(domain));
}

const same = ({ id, name }: Category, wanted: string): boolean =>
  id === wanted || name.toLowerCase() === wanted.toLowerCase();

const outcome = (
  kind: ChatOutcome['kind'],
  { name }: Pick<Room, 'name'>,
  what: ChatOutcome['outcome'],
): ChatOutcome => ({ kind, name, outcome: what });
