// A room as it was asked for, checked field by field.
import { type AccessChange, ChatError, type Principal, type RoomAccess, type RoomRole } from '../chat.ts';
import { addInField, booleanField, descriptionField, invalid, nameField, wordField } from '../fields.ts';
import type { Entry, Settings } from './store.ts';

const KINDS = ['normal', 'auditorium'] as const;
const PRIVACIES = ['open', 'closed', 'secret'] as const;

const DEFAULTS: Settings = {
  name: '',
  description: '',
  category: '',
  kind: 'normal',
  privacy: 'closed',
  invitations: undefined,
  addIn: undefined,
};

export const LISTS = { members: 'member', managers: 'manager', presenters: 'presenter' } as const;
type List = keyof typeof LISTS;

/** The settings that result but for the category: what is not given stays as it was. */
export function settingsOf(spec: Partial<Settings>, before: Settings = DEFAULTS): Settings {
  const unknown = Object.keys(spec).find((key) => !(key in DEFAULTS) && !(key in LISTS));
  if (unknown !== undefined) throw invalid(`${unknown}: a room has no such setting`);
  const given = <K extends keyof Settings>(key: K, check: (field: string, value: unknown) => Settings[K]) =>
    spec[key] === undefined ? before[key] : check(key, spec[key]);
  return {
    name: given('name', nameField),
    description: given('description', descriptionField),
    category: before.category,
    kind: given('kind', (field, value) => wordField(field, value, KINDS)),
    privacy: given('privacy', (field, value) => wordField(field, value, PRIVACIES)),
    // A room cannot have invitations where its category has none: true is as the category says.
    invitations: given('invitations', (field, value) => (booleanField(field, value) ? undefined : false)),
    addIn: given('addIn', addInField),
  };
}

/** What is another than before; null for what is not set any more. */
export function changedSettings(before: Settings, after: Settings): Record<string, unknown> {
  const changed = Object.entries(after).filter(([key, value]) => before[key as keyof Settings] !== value);
  return Object.fromEntries(changed.map(([key, value]) => [key, value ?? null]));
}

export function entriesOf(
  lists: Partial<RoomAccess> | undefined,
  parse: (principal: string, field: string) => Principal,
): Entry[] {
  const entries = new Map<string, Entry>();
  for (const [list, role] of Object.entries(LISTS) as [List, RoomRole][])
    for (const each of lists?.[list] ?? []) {
      const principal = parse(each, list);
      entries.set(`${role} ${principal}`, { principal, role });
    }
  return [...entries.values()];
}

/** What is removed need not be there any more, but has to look like a principal. */
export const changeOf = (
  { add, remove }: AccessChange,
  parse: (principal: string, field: string) => Principal,
): { add: Entry[]; remove: Entry[] } => ({ add: entriesOf(add, parse), remove: entriesOf(remove, parse) });

export function accessOf(entries: readonly Entry[]): RoomAccess {
  const of = (role: RoomRole) =>
    entries.filter((each) => each.role === role).map(({ principal }) => principal);
  return { members: of('member'), managers: of('manager'), presenters: of('presenter') };
}

export function refuseLists(change: object): void {
  const list = Object.keys(LISTS).find((key) => (change as Record<string, unknown>)[key] !== undefined);
  if (list !== undefined)
    throw new ChatError('invalid', `${list}: lists are not replaced; add and remove who is to come and go`);
}
