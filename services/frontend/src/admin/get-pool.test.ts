import type { MemberRecord } from '@linchpin/topology';
import { expect, test } from 'vitest';
import { describePool } from './get-pool.ts';

const announced = (pod: string, owned: number): MemberRecord => ({
  pod,
  role: 'frontend',
  pool: 'frontend',
  address: `${pod}.lab:7040`,
  incarnation: 'x',
  beat: 1,
  state: 'running',
  productVersion: '1.0.0',
  groups: { owned: [[owned, 1]], warm: [], backupLag: 0, users: 1, registrations: 1 },
});

test('says of its own backlog what it is now, and of others what they announced', () => {
  const { members, groups } = describePool({
    pod: 'frontend-0',
    pool: 'frontend',
    records: () => [announced('frontend-0', 3), announced('frontend-1', 4)],
    sequenceOf: (group) => 100 + group,
    backupLagOf: (group) => (group === undefined ? 9 : 2),
  });
  expect(members.map(({ backupLag }) => backupLag)).toEqual([9, 0]);
  expect(groups[3]).toMatchObject({ lastSequence: 103, backupLag: 2 });
  expect(groups[4]).toMatchObject({ lastSequence: 0, backupLag: 0 });
});
