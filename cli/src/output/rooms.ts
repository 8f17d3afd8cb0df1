import type { Access, Category, JoinEvent, Post } from '@linchpin/proto/chat/v1/chat';
import type { RoomEntry } from '../management/chat.ts';
import { harmless } from './harmless.ts';
import { table } from './table.ts';

export const categoryTable = (categories: Category[]): string =>
  table(
    ['NAME', 'ALLOWED', 'DENIED', 'CREATORS', 'SETTINGS', 'DESCRIPTION'],
    categories.map((category) => [
      category.name,
      some(category.allowed),
      some(category.denied),
      some(category.creators),
      categorySettings(category).join(' '),
      category.description,
    ]),
  );

const SHOWN = 3;

/** A list of 100,000 does not fit into a table; `-o yaml` has it all. */
const some = (names: readonly string[]): string =>
  names.length <= SHOWN
    ? names.join(' ') || '-'
    : `${names.slice(0, SHOWN).join(' ')} and ${names.length - SHOWN} more`;

/** What is not as usual. */
function categorySettings(category: Category): string[] {
  const { invitations, fileUpload, chatHistory, complianceRequired, retentionDays } = category;
  return [
    invitations ? '' : 'no-invitations',
    fileUpload ? '' : 'no-files',
    chatHistory ? '' : 'no-history',
    complianceRequired ? 'compliance-required' : '',
    retentionDays === 0 ? '' : `retention=${retentionDays}d`,
  ].filter((word) => word !== '');
}

export const roomTable = (rooms: RoomEntry[]): string =>
  table(
    ['NAME', 'CATEGORY', 'KIND', 'PRIVACY', 'STATE', 'LAST', 'DESCRIPTION'],
    rooms.map(({ name, categoryName, kind, privacy, disabled, legalHold, lastSeq, description }) => [
      name,
      categoryName,
      kind,
      privacy,
      [disabled ? 'disabled' : 'enabled', legalHold ? 'hold' : ''].filter(Boolean).join(','),
      String(lastSeq),
      description,
    ]),
  );

export const accessTable = ({ members, managers, presenters }: Access): string => {
  const who = [...new Set([...managers, ...presenters, ...members])].sort();
  const rolesOf = (principal: string): string =>
    [
      managers.includes(principal) ? 'manager' : '',
      presenters.includes(principal) ? 'presenter' : '',
      members.includes(principal) ? 'member' : '',
    ]
      .filter(Boolean)
      .join(',');
  return table(
    ['WHO', 'ROLES'],
    who.map((principal) => [principal, rolesOf(principal)]),
  );
};

export const postLines = (posts: readonly Post[]): string => posts.map(postLine).join('\n');

/** One post, on as many lines as it has; those after the first are indented. */
export function postLine({ seq, at, by, subject, body, deletedAt, editedAt, thread }: Post): string {
  const marks = [thread === 0 ? '' : `in thread ${thread}`, editedAt ? 'edited' : ''].filter(Boolean);
  const said = deletedAt ? '(deleted)' : [subject, body].filter(Boolean).join('\n');
  const lines = said.split('\n').map(harmless).join('\n    ');
  return `${seq}  ${at}  ${harmless(by)}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}: ${lines}`;
}

/** What a session is told, a line for each event. */
export function eventLines({ what }: JoinEvent): string[] {
  if (what?.$case === 'joined') {
    const { history, roster, rosterOff } = what.value;
    return [...history.map(postLine), rosterOff ? 'here: too many to list' : `here: ${some(roster)}`];
  }
  if (what?.$case === 'events') return what.value.events.map(eventLine);
  return [`the session is over: ${what?.value ?? 'no reason given'}`];
}

function eventLine(json: string): string {
  const { seq, at, by, kind, body = '' } = JSON.parse(json) as Record<string, string | number>;
  return harmless(`${seq}  ${at}  ${by} ${kind}${body === '' ? '' : `: ${body}`}`);
}
