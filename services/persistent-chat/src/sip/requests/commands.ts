// What a person can ask a room for by writing to it, where the client has no other way.
import type { Caller, Chat, Participation } from '../../chat.ts';
import type { Database } from '../../database/database.ts';
import type { Tellers } from '../members/tellers.ts';
import { roomUri } from '../room-uri.ts';
import { type NameOf, postText } from '../said.ts';
import { addressesOf, type RoomAddress } from '../store.ts';

const names = ['help', 'join', 'part', 'who', 'history', 'rooms'] as const;
type Name = (typeof names)[number];

export interface Command {
  /** Undefined for one that there is not. */
  name: Name | undefined;
  rest: string;
}

/** One word after a stroke, and what follows it; undefined for everything else, such as a path or "//" before what is to be posted. */
export function commandIn(text: string): Command | undefined {
  const [, word, rest = ''] = /^\/([a-z]+)(?:\s+([\s\S]*))?$/i.exec(text.trim()) ?? [];
  if (word === undefined) return undefined;
  return { name: names.find((name) => name === word.toLowerCase()), rest: rest.trim() };
}

/** Two strokes make a post that begins with one. */
export const withoutEscape = (text: string): string => (text.startsWith('//') ? text.slice(1) : text);

export interface CommandsParts {
  chat: Pick<Chat, 'join' | 'room' | 'history' | 'findRooms'>;
  database: Pick<Database, 'use'>;
  tellers: Pick<Tellers, 'add' | 'remove'>;
  domain: string;
  nameOf: NameOf;
}

/** Resolves with what the asker is answered. Rejects with ChatError. */
export type Perform = (command: Command, caller: Caller, room: RoomAddress) => Promise<string>;

const HELP = [
  'What you write here is posted, and you get what others post.',
  '/join    get it without posting',
  '/part    get nothing any more',
  '/who     who is here',
  '/history 10    the last 10 posts',
  '/rooms [words]    rooms that you can see',
  'To post something that begins with "/", write "//".',
].join('\n');

const [HISTORY, MOST_HISTORY] = [10, 100];
const MOST_ROOMS = 50;
/** Clients and proxies take messages of any length badly. */
const MOST_CHARACTERS = 16_000;

export function createCommands({ chat, database, tellers, domain, nameOf }: CommandsParts): Perform {
  const performers: Record<Name, (rest: string, caller: Caller, room: RoomAddress) => Promise<string>> = {
    help: async () => HELP,
    join: (_, caller, at) =>
      visit(caller, at, async ({ room }) => {
        const { session } = await tellers.add(at, caller.name, room.lastSeq);
        await session?.joined;
        return `You are in ${room.name} and get what others post. /help tells what else there is.`;
      }),
    async part(_, caller, { room }) {
      const { name } = await chat.room(caller, room);
      return (await tellers.remove(room, caller.name)) ? `You have left ${name}.` : `You are not in ${name}.`;
    },
    who: (_, caller, at) =>
      visit(caller, at, async ({ room, roster }) => {
        if (roster === undefined) return `Too many are in ${room.name} to name them all.`;
        const others = roster.filter(({ name }) => name !== caller.name).map(({ name }) => nameOf(name));
        return `In ${room.name}: ${['you', ...others.sort()].join(', ')}`;
      }),
    async history(rest, caller, { room }) {
      const limit = Math.min(Math.max(Number.parseInt(rest, 10) || HISTORY, 1), MOST_HISTORY);
      const posts = await chat.history(caller, room, { limit });
      const lines = posts
        .filter(({ deletedAt }) => deletedAt === undefined)
        .map((post) => `${timeOf(post.at)} ${postText(post, nameOf)}`);
      return lines.length === 0 ? 'Nothing was posted here yet.' : lastOf(lines);
    },
    async rooms(text, caller) {
      const query = { limit: MOST_ROOMS, ...(text !== '' && { text }) };
      const found = await chat.findRooms(caller, query);
      const addresses = await database.use((client) =>
        addressesOf(
          client,
          found.map(({ id }) => id),
        ),
      );
      const lines = found.map(({ id, name, unread }) => {
        const news = unread > 0 ? ` (${unread} unread)` : '';
        return `${name}: ${roomUri(addresses.get(id) ?? id, domain)}${news}`;
      });
      return lines.length === 0 ? 'There are none that you can see.' : lastOf(lines);
    },
  };

  /** Being there is how one sees who is. */
  async function visit(
    caller: Caller,
    { room }: RoomAddress,
    look: (participation: Participation) => Promise<string>,
  ): Promise<string> {
    const participation = await chat.join(caller, room, { onEvents() {}, onEnded() {} });
    try {
      return await look(participation);
    } finally {
      await participation.part();
    }
  }

  return ({ name, rest }, caller, room) =>
    name === undefined
      ? Promise.resolve(`There is no such command.\n${HELP}`)
      : performers[name](rest, caller, room);
}

/** "2026-11-21 17:05" in UTC. */
const timeOf = (at: string): string => at.slice(0, 16).replace('T', ' ');

function lastOf(lines: string[]): string {
  const kept = [...lines];
  while (kept.length > 1 && kept.join('\n').length > MOST_CHARACTERS) kept.shift();
  return kept.join('\n').slice(0, MOST_CHARACTERS);
}
