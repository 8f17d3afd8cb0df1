// What Export-CsPersistentChatData of Lync Server 2013 wrote. Microsoft has published no schema of it; what is read here is what
// public migration scripts read: a ZIP archive with
//   AdUsers.xml         Pool/AdUsers/User: principalId, UserPrincipalName
//   AdGroups.xml        Pool/AdGroups/Group: principalId
//   AdAffiliations.xml  Pool/AdAffiliations/User[@id]/Groups/Group[@id]: who is in which group, groups too
//   ChatRooms.xml       Pool/ChatRooms/ChatRoom[@isDisabled]: Name, Desc, Roles/Principal[@id, @isManager, @isMember, @isCreator]
// What else is in the archive, messages too, is named and left alone.
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CliError, EXIT } from '../cli-error.ts';
import { child, childrenOf, type Element, parseXml, value } from './xml.ts';
import { isZip, zipEntries } from './zip.ts';

export interface LyncRoom {
  name: string;
  description: string;
  disabled: boolean;
  /** User principal names; groups as the users in them. */
  managers: string[];
  members: string[];
  /** Principals that the export says nothing of. */
  unknown: number;
}

export interface LyncChatData {
  rooms: LyncRoom[];
  /** Files, and parts of rooms, that are not read. */
  ignored: string[];
}

const FILES = ['AdUsers.xml', 'AdGroups.xml', 'AdAffiliations.xml', 'ChatRooms.xml'] as const;
type KnownFile = (typeof FILES)[number];

const MAX_BYTES = 512 * 1024 * 1024;

/** `path`: the archive, or a folder that it was unpacked into. */
export async function readChatData(path: string): Promise<LyncChatData> {
  const { contents, others } = await readFiles(path);
  const rooms = contents.get('ChatRooms.xml');
  if (rooms === undefined) throw new CliError(`${path} has no ChatRooms.xml.`, EXIT.usage);
  const root = (file: KnownFile): Element | undefined => {
    const content = contents.get(file);
    return content && parseXml(content, file);
  };
  const people = principalsOf(root('AdUsers.xml'), root('AdGroups.xml'), root('AdAffiliations.xml'));
  const list = childrenOf(child(root('ChatRooms.xml'), 'ChatRooms'), 'ChatRoom');
  return {
    rooms: list.map((room) => roomOf(room, people)),
    ignored: [...others.sort(), ...unreadParts(list)],
  };
}

interface Files {
  contents: Map<KnownFile, Buffer>;
  others: string[];
}

async function readFiles(path: string): Promise<Files> {
  const found = await stat(path).catch((cause: Error) => {
    throw new CliError(`Cannot read the export: ${cause.message}`, EXIT.usage, { cause });
  });
  return found.isDirectory() ? readFolder(path) : readArchive(path);
}

const known = (name: string): KnownFile | undefined =>
  FILES.find((file) => file.toLowerCase() === basename(name.replaceAll('\\', '/')).toLowerCase());

async function readFolder(path: string): Promise<Files> {
  const files: Files = { contents: new Map(), others: [] };
  for (const name of await readdir(path)) {
    const file = known(name);
    if (file === undefined) files.others.push(name);
    else files.contents.set(file, await readFile(join(path, name)));
  }
  return files;
}

async function readArchive(path: string): Promise<Files> {
  const archive = await readFile(path);
  if (!isZip(archive))
    throw new CliError(`${path} is neither a ZIP archive nor a folder with one unpacked.`, EXIT.usage);
  const files: Files = { contents: new Map(), others: [] };
  for (const entry of zipEntries(archive)) {
    const file = known(entry.name);
    if (file !== undefined) files.contents.set(file, entry.read(MAX_BYTES));
    else if (!entry.name.endsWith('/')) files.others.push(entry.name);
  }
  return files;
}

/** By the id of a principal: the users that it stands for. */
type Principals = (id: string) => readonly string[] | undefined;

function principalsOf(
  users: Element | undefined,
  groups: Element | undefined,
  affiliations: Element | undefined,
): Principals {
  const names = new Map<string, string>();
  for (const user of childrenOf(child(users, 'AdUsers'), 'User')) {
    const [id, name] = [value(user, 'principalId'), value(user, 'UserPrincipalName')];
    if (id && name) names.set(id, name.toLowerCase());
  }
  const isGroup = new Set(
    childrenOf(child(groups, 'AdGroups'), 'Group').map((group) => value(group, 'principalId')),
  );
  const membersOf = new Map<string, string[]>();
  for (const principal of childrenOf(child(affiliations, 'AdAffiliations'), 'User')) {
    const id = value(principal, 'id') ?? '';
    for (const group of childrenOf(child(principal, 'Groups'), 'Group')) {
      const key = value(group, 'id') ?? '';
      const members = membersOf.get(key);
      if (members === undefined) membersOf.set(key, [id]);
      else members.push(id);
    }
  }

  /** Groups may be in each other. */
  function usersOf(id: string, seen: Set<string>): string[] {
    if (seen.has(id)) return [];
    seen.add(id);
    const name = names.get(id);
    if (name !== undefined) return [name];
    return (membersOf.get(id) ?? []).flatMap((member) => usersOf(member, seen));
  }
  return (id) => (names.has(id) || isGroup.has(id) ? usersOf(id, new Set()) : undefined);
}

const isSet = (text: string | undefined): boolean => /^(1|true)$/i.test(text ?? '');

function roomOf(room: Element, principals: Principals): LyncRoom {
  const managers = new Set<string>();
  const members = new Set<string>();
  let unknown = 0;
  for (const { attributes } of childrenOf(child(room, 'Roles'), 'Principal')) {
    const who = principals(attributes.id ?? '');
    if (who === undefined) unknown++;
    // Who has created a room manages it.
    const manages = isSet(attributes.isManager) || isSet(attributes.isCreator);
    for (const user of who ?? []) {
      if (manages) managers.add(user);
      else if (isSet(attributes.isMember)) members.add(user);
    }
  }
  return {
    name: value(room, 'Name') ?? '',
    description: value(room, 'Desc') ?? '',
    disabled: isSet(room.attributes.isDisabled),
    managers: [...managers],
    members: [...members].filter((user) => !managers.has(user)),
    unknown,
  };
}

const READ = new Set(['@isDisabled', '@id', 'Name', 'Desc', 'Roles']);

/** What rooms of the export have beside that, once each: whoever imports should know that it is left behind. */
function unreadParts(rooms: readonly Element[]): string[] {
  const parts = new Set<string>();
  for (const { attributes, children } of rooms) {
    for (const name of Object.keys(attributes)) parts.add(`@${name}`);
    for (const { name } of children) parts.add(name);
  }
  return [...parts].filter((part) => !READ.has(part)).map((part) => `ChatRoom/${part}`);
}
