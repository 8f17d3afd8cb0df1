import { expect, test } from 'vitest';
import type { RoomFacts, Standing } from './access/access.ts';
import type { RoomRole } from './chat.ts';
import { decide, demand, standingOfAdmin } from './rights.ts';

const room = (changes: Partial<RoomFacts> = {}): RoomFacts => ({
  id: '5c4ad46b-5b1c-4b8b-8f56-6a42ac1cba4f',
  name: 'Talk',
  description: '',
  category: 'c0c0c0c0-5b1c-4b8b-8f56-6a42ac1cba4f',
  categoryName: 'All',
  kind: 'normal',
  privacy: 'closed',
  invitations: undefined,
  addIn: undefined,
  disabled: false,
  legalHold: false,
  lastSeq: 0,
  chatHistory: true,
  fileUpload: true,
  invites: true,
  complianceRequired: false,
  ...changes,
});

const versions = { room: 1, category: 1 };
const inside = { allowed: true, creator: false };
const outside = { allowed: false, creator: false };

/** see, join, read, post, manage, upload; a letter for each that is allowed. */
function letters(standing: Standing): string {
  const { maySee, mayJoin, mayRead, mayPost, mayManage, mayUpload } = standing;
  const flags = [maySee, mayJoin, mayRead, mayPost, mayManage, mayUpload];
  return flags.map((flag, at) => (flag ? 'sjrpmu'[at] : '-')).join('');
}

const nobody: RoomRole[] = [];
const member: RoomRole[] = ['member'];
const presenter: RoomRole[] = ['presenter'];
const manager: RoomRole[] = ['manager'];

test.each([
  // kind, privacy: nobody, member, presenter, manager of those whom the category allows
  ['normal', 'open', ['sjrp-u', 'sjrp-u', 'sjrp-u', 'sjrpmu']],
  ['normal', 'closed', ['s-----', 'sjrp-u', 'sjrp-u', 'sjrpmu']],
  ['normal', 'secret', ['------', 'sjrp-u', 'sjrp-u', 'sjrpmu']],
  ['auditorium', 'open', ['sjr---', 'sjr---', 'sjrp-u', 'sjrpmu']],
  ['auditorium', 'closed', ['s-----', 'sjr---', 'sjrp-u', 'sjrpmu']],
  ['auditorium', 'secret', ['------', 'sjr---', 'sjrp-u', 'sjrpmu']],
] as const)('%s and %s', (kind, privacy, expected) => {
  const facts = room({ kind, privacy });
  const all = [nobody, member, presenter, manager];
  expect(all.map((roles) => letters(decide(facts, versions, inside, roles)))).toEqual(expected);
  // Behind the ethical wall nobody is anything.
  expect(all.map((roles) => letters(decide(facts, versions, outside, roles)))).toEqual(
    Array(4).fill('------'),
  );
  expect(decide(facts, versions, outside, manager).roles).toEqual([]);
  expect(letters(standingOfAdmin(facts, versions))).toBe('s-rpmu');
});

test('a disabled room is there for who manages it, and is read by administrators alone', () => {
  const facts = room({ disabled: true, privacy: 'secret' });
  const all = [nobody, member, presenter, manager];
  expect(all.map((roles) => letters(decide(facts, versions, inside, roles)))).toEqual([
    '------',
    's-----',
    's-----',
    's---m-',
  ]);
  expect(letters(standingOfAdmin(facts, versions))).toBe('s-r-m-');
});

test('no files where the category has none', () => {
  expect(letters(decide(room({ fileUpload: false }), versions, inside, manager))).toBe('sjrpm-');
});

test('a refusal says why, and what would help', () => {
  const alice = { name: 'alice@contoso.lab' };
  const of = (facts: RoomFacts, roles: RoomRole[]) => decide(facts, versions, inside, roles);
  expect(() => demand(alice, of(room(), nobody), 'mayPost')).toThrow(
    'alice@contoso.lab may not post there: it takes a member of "Talk"; a manager of it can add one',
  );
  expect(() => demand(alice, of(room({ kind: 'auditorium' }), member), 'mayPost')).toThrow('auditorium');
  expect(() => demand(alice, of(room({ disabled: true }), member), 'mayJoin')).toThrow('is disabled');
  expect(() => demand(alice, of(room(), member), 'mayManage')).toThrow('only managers');
  expect(() => demand(alice, of(room({ fileUpload: false }), member), 'mayUpload')).toThrow(
    'does not allow files',
  );
  expect(() => demand(alice, of(room(), member), 'mayPost')).not.toThrow();
});
