// A category as it was asked for, checked field by field.
import { type CategorySpec, ChatError, type Principal } from '../chat.ts';
import { booleanField, descriptionField, nameField, wholeField } from '../fields.ts';
import type { Lists, Settings } from './store.ts';

const DEFAULTS: Settings = {
  name: '',
  description: '',
  invitations: true,
  fileUpload: true,
  chatHistory: true,
  complianceRequired: false,
  retentionDays: undefined,
};

const MAX_RETENTION_DAYS = 36_500;
const FIELDS = [...Object.keys(DEFAULTS), 'allowed', 'denied', 'creators'];

/** The settings that result: what is not given stays as it was. 0 days of retention: until an administrator purges. */
export function settingsOf(spec: Partial<CategorySpec>, before: Settings = DEFAULTS): Settings {
  const unknown = Object.keys(spec).find((key) => !FIELDS.includes(key));
  if (unknown !== undefined) throw new ChatError('invalid', `${unknown}: a category has no such setting`);
  const given = <K extends keyof Settings>(key: K, check: (field: string, value: unknown) => Settings[K]) =>
    spec[key] === undefined ? before[key] : check(key, spec[key]);
  return {
    name: given('name', nameField),
    description: given('description', descriptionField),
    invitations: given('invitations', booleanField),
    fileUpload: given('fileUpload', booleanField),
    chatHistory: given('chatHistory', booleanField),
    complianceRequired: given('complianceRequired', booleanField),
    retentionDays: given(
      'retentionDays',
      (field, days) => wholeField(field, days, 0, MAX_RETENTION_DAYS) || undefined,
    ),
  };
}

export type WantedLists = Partial<Record<Lists, Principal[]>>;

export function listsOf(
  spec: Partial<CategorySpec>,
  parse: (principal: string, field: string) => Principal,
): WantedLists {
  const wanted: WantedLists = {};
  for (const field of ['allowed', 'denied', 'creators'] as const) {
    const list = spec[field];
    if (list !== undefined) wanted[field] = [...new Set(list.map((each) => parse(each, field)))];
  }
  return wanted;
}

/** What is another than before. */
export function changedSettings(before: Settings, after: Settings): Record<string, unknown> {
  const changed = Object.entries(after).filter(([key, value]) => before[key as keyof Settings] !== value);
  return Object.fromEntries(changed.map(([key, value]) => [key, value ?? null]));
}
