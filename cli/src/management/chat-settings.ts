import type { Access, CategorySpec, RoomSpec } from '@linchpin/proto/chat/v1/chat';
import { CliError, EXIT } from '../cli-error.ts';
import { assign } from './assignments.ts';
import { NO_ACCESS } from './chat.ts';

/** A uint32 of the RPC. */
const MOST_DAYS = 2 ** 32 - 1;

type Reader = (value: unknown, where: string, domain: string) => unknown;

const text: Reader = (value) => String(value);
const oneOf =
  (...words: string[]): Reader =>
  (value, where) => {
    if (words.includes(String(value))) return String(value);
    throw new CliError(`${where}: must be one of ${words.join(', ')}`, EXIT.usage);
  };
const flag: Reader = (value, where) => {
  if (typeof value === 'boolean') return value;
  throw new CliError(`${where}: must be true or false`, EXIT.usage);
};
const days: Reader = (value, where) => {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_DAYS) return value;
  throw new CliError(`${where}: must be a number of days, 0 for ever, ${MOST_DAYS} at most`, EXIT.usage);
};
const people: Reader = (value, where, domain) => {
  const names = Array.isArray(value) ? value : String(value).split(',');
  return names.map((name) => principal(String(name).trim(), domain, where));
};
const principals: Reader = (value, where, domain) => ({ principals: people(value, where, domain) });

const CATEGORY: Record<string, Reader> = {
  name: text,
  description: text,
  invitations: flag,
  fileUpload: flag,
  chatHistory: flag,
  complianceRequired: flag,
  retentionDays: days,
  allowed: principals,
  denied: principals,
  creators: principals,
};
const ACCESS: Record<keyof Access, Reader> = { members: people, managers: people, presenters: people };
const ROOM: Record<string, Reader> = {
  name: text,
  description: text,
  category: text,
  kind: oneOf('normal', 'auditorium'),
  privacy: oneOf('open', 'closed', 'secret'),
  invitations: flag,
  addIn: text,
  disabled: flag,
  legalHold: flag,
};

/** "alice", "sip:alice@contoso.lab", "domain:contoso.lab" and "group:Sales". */
export function principal(name: string, domain: string, where = 'principal'): string {
  if (/^(domain|group):./.test(name)) return name;
  const bare = name.replace(/^sip:/i, '').toLowerCase();
  if (/^[^\s@:=,]+(@[^\s@:]+)?$/.test(bare)) return bare.includes('@') ? bare : `${bare}@${domain}`;
  throw new CliError(
    `${where}: "${name}" is neither a user, nor domain:contoso.com, nor group:Sales`,
    EXIT.usage,
  );
}

/** `allowed=domain:contoso.lab fileUpload=false`: lists are separated by commas, or JSON. */
export const categorySpec = (assignments: string[], domain: string): CategorySpec =>
  read(assignments, CATEGORY, domain);

export const roomSpec = (assignments: string[], domain: string): RoomSpec => read(assignments, ROOM, domain);

/** Members, managers and presenters may be given together with the room. */
export function roomSpecAndAccess(assignments: string[], domain: string): { spec: RoomSpec; access: Access } {
  const {
    members = [],
    managers = [],
    presenters = [],
    ...spec
  } = read<RoomSpec & Partial<Access>>(assignments, { ...ROOM, ...ACCESS }, domain);
  return { spec, access: { members, managers, presenters } };
}

function read<T>(assignments: string[], readers: Record<string, Reader>, domain: string): T {
  const given = Object.entries(assign({}, assignments));
  return Object.fromEntries(
    given.map(([setting, value]) => {
      const reader = Object.hasOwn(readers, setting) ? readers[setting] : undefined;
      if (reader === undefined)
        throw new CliError(
          `There is no setting ${setting}; there are ${Object.keys(readers).join(', ')}.`,
          EXIT.usage,
        );
      return [setting, reader(value, setting, domain)];
    }),
  ) as T;
}

/** "member" and "members" mean the same. */
export function accessOf(role: string, names: string[]): Access {
  const key = Object.keys(ACCESS).find((each) => [each, each.slice(0, -1)].includes(role.toLowerCase()));
  if (key === undefined) throw new CliError(`"${role}": must be member, manager or presenter`, EXIT.usage);
  return { ...NO_ACCESS, [key]: names };
}
