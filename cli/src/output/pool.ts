import type { Member } from '@linchpin/proto/cms/v1/cms';
import type { GroupCopy, PoolMember } from '@linchpin/proto/frontend/v1/frontend';
import type { PoolReport } from '../commands/pool.ts';
import { remainingText } from './drain.ts';
import { table } from './table.ts';

type Group = PoolReport['groups'][number];

export function poolTable({ pool, members, groups, quorum }: PoolReport): string {
  return [
    `pool ${pool}: ${quorum}`,
    table(
      ['POD', 'STATE', 'USERS', 'REGISTRATIONS', 'GROUPS', 'WARM', 'BACKUP LAG', 'PRODUCT'],
      members.map(memberRow),
    ),
    table(
      ['GROUP', 'STATE', 'OWNER', 'TERM', 'SECONDARIES', 'LAST SEQUENCE', 'BACKUP LAG'],
      groups.map(groupRow),
    ),
  ].join('\n\n');
}

export const podTable = (pods: Member[]): string =>
  table(
    ['POD', 'ROLE', 'POOL', 'STATE', 'ADDRESS', 'PRODUCT'],
    pods.map(({ pod, role, pool, state, address, productVersion }) => [
      pod,
      role,
      pool,
      state,
      address,
      productVersion,
    ]),
  );

const memberRow = (member: PoolMember): string[] => [
  member.pod,
  member.state === 'draining' ? `draining, ${remainingText(member.drainRemaining)} left` : member.state,
  ...[member.users, member.registrations, member.groups, member.warm, member.backupLag].map(String),
  member.productVersion,
];

const groupRow = ({ group, state, owner, term, secondaries, lastSequence, backupLag }: Group): string[] => [
  String(group),
  state,
  owner || '-',
  String(term),
  secondaries.map((copy) => copyText(copy, lastSequence)).join(', ') || '-',
  // Nobody has said.
  lastSequence === 0 ? '-' : String(lastSequence),
  String(backupLag),
];

/** "frontend-1 (warm, 3 behind)": its lag only where both ends have said how far they are. */
function copyText({ pod, warm, seen }: GroupCopy, lastSequence: number): string {
  const lag = seen === 0 || lastSequence === 0 ? '' : `, ${Math.max(0, lastSequence - seen)} behind`;
  return `${pod} (${warm ? 'warm' : 'cold'}${lag})`;
}
