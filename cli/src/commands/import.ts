import type { Access, RoomSpec } from '@linchpin/proto/chat/v1/chat';
import { CliError, EXIT } from '../cli-error.ts';
import { type LyncRoom, readChatData } from '../lync/chat-data.ts';
import { type Chat, NO_ACCESS, withChat } from '../management/chat.ts';
import { withCms } from '../management/cms.ts';
import type { ChatTarget } from './rooms.ts';

export interface ImportOptions {
  /** The archive, or a folder that it was unpacked into. */
  file: string;
  /** Of all rooms: what the export has of categories is not known. */
  category: string;
  /** `contoso.local=contoso.com`: users of the one domain are those of the other here. */
  domains: string[];
  dryRun: boolean;
}

export interface ImportedRoom {
  name: string;
  disabled: boolean;
  managers: number;
  members: number;
  /** Principals of whom the export does not say who they are, and users whom there are not here: they are left out. */
  unknown: number;
  /** "would create", "created", "exists", or why not. */
  result: string;
  failed: boolean;
}

export interface ImportReport {
  rooms: ImportedRoom[];
  /** What is in the export and was not imported. */
  ignored: string[];
}

export async function importChatData(
  { site, pod }: ChatTarget,
  { file, category, domains, dryRun }: ImportOptions,
): Promise<ImportReport> {
  const rename = renaming(domains);
  const { rooms: exported, ignored } = await readChatData(file);
  const isHere = pod === undefined ? await usersOf(site) : () => true;
  const rooms = exported.map((room) => here(room, rename, isHere));
  return withChat(site, { user: '', pod }, async (chat) => {
    const all = await chat.categories();
    if (!all.some(({ id, name }) => id === category || name.toLowerCase() === category.toLowerCase()))
      throw new CliError(`There is no category ${category}: linchpin create category ${category} allowed=…`);
    const present = new Set((await chat.rooms('')).map(({ name }) => name.toLowerCase()));
    const reports: ImportedRoom[] = [];
    for (const room of rooms) {
      const exists = present.has(room.name.toLowerCase());
      present.add(room.name.toLowerCase());
      reports.push(await importRoom(chat, { room, category, dryRun, exists }));
    }
    return { rooms: reports, ignored };
  });
}

interface OneRoom {
  room: LyncRoom;
  category: string;
  dryRun: boolean;
  exists: boolean;
}

async function importRoom(chat: Chat, { room, category, dryRun, exists }: OneRoom): Promise<ImportedRoom> {
  const { name, description, disabled, managers, members, unknown } = room;
  const report = {
    name,
    disabled,
    managers: managers.length,
    members: members.length,
    unknown,
    failed: false,
  };
  if (exists) return { ...report, result: 'exists' };
  if (name === '') return { ...report, result: 'has no name', failed: true };
  if (dryRun) return { ...report, result: 'would create' };
  const spec: RoomSpec = { name, description, category, ...(disabled && { disabled }) };
  const access: Access = { ...NO_ACCESS, managers, members };
  try {
    await chat.createRoom(spec, access);
    return { ...report, result: 'created' };
  } catch (error) {
    // Nobody answers: the rooms after this one would not be created either.
    if ((error as CliError).exitCode === EXIT.notRunning) throw error;
    return { ...report, result: (error as Error).message, failed: true };
  }
}

async function usersOf(site: ChatTarget['site']): Promise<(user: string) => boolean> {
  const users = new Set((await withCms(site, (cms) => cms.get('User'))).map(({ name }) => name));
  return (user) => users.has(user);
}

/** The room with those who are users here. */
function here(room: LyncRoom, rename: (user: string) => string, isHere: (user: string) => boolean): LyncRoom {
  const managers = room.managers.map(rename).filter(isHere);
  const members = room.members.map(rename).filter(isHere);
  const left = room.managers.length + room.members.length - managers.length - members.length;
  return { ...room, managers, members, unknown: room.unknown + left };
}

function renaming(domains: string[]): (user: string) => string {
  const pairs = domains.map((pair) => {
    const [, from, to] = /^([^=@\s]+)=([^=@\s]+)$/.exec(pair) ?? [];
    if (from === undefined || to === undefined)
      throw new CliError(`--domain ${pair}: must be such as contoso.local=contoso.com`, EXIT.usage);
    return [from.toLowerCase(), to.toLowerCase()] as const;
  });
  const known = new Map(pairs);
  return (user) => {
    const [name = '', domain = ''] = user.split('@');
    return `${name}@${known.get(domain) ?? domain}`;
  };
}
