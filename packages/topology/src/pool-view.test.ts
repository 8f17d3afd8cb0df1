import { GroupState } from '@linchpin/proto/frontend/v1/frontend';
import { expect, test } from 'vitest';
import type { MemberRecord } from './members/member-record.ts';
import { placeOfUser, poolView } from './pool-view.ts';
import { GROUPS, groupOf, placement } from './routing-group.ts';

const all = Array.from({ length: GROUPS }, (_, group) => group);

/** A pool in which everything is where it should be. */
function settled(...pods: string[]): MemberRecord[] {
  const placed = placement(pods);
  return pods.map((pod) => ({
    pod,
    role: 'frontend',
    pool: 'frontend',
    address: `${pod}.lab:7040`,
    incarnation: 'x',
    beat: 1,
    state: 'running',
    productVersion: '1.0.0',
    groups: {
      owned: all.filter((group) => placed[group]?.[0] === pod).map((group): [number, number] => [group, 1]),
      warm: all.filter((group) => placed[group]?.slice(1).includes(pod)),
      backupLag: 0,
      users: 5,
      registrations: 6,
    },
  }));
}

const groupsOf = (record: MemberRecord) => record.groups as NonNullable<MemberRecord['groups']>;

test('a pool where all is well says so in a few words', () => {
  const { members, groups, quorum } = poolView('frontend', settled('frontend-1', 'frontend-0', 'frontend-2'));
  expect(quorum).toBe('32 of 32 groups served');
  expect(members.map(({ pod }) => pod)).toEqual(['frontend-0', 'frontend-1', 'frontend-2']);
  expect(members[0]).toMatchObject({ users: 5, registrations: 6, address: 'frontend-0.lab:7040' });
  expect(members.reduce((sum, { groups: owned }) => sum + owned, 0)).toBe(GROUPS);
  expect(
    groups.every(({ state, secondaries }) => state === GroupState.SERVED && secondaries.length === 2),
  ).toBe(true);
  expect(groups.map(({ owner }) => owner)).toEqual(
    placement(['frontend-0', 'frontend-1', 'frontend-2']).map(([primary]) => primary),
  );
});

test('one member serves all, and nobody takes over', () => {
  const { quorum, groups } = poolView('frontend', settled('frontend-0'));
  expect(quorum).toBe('32 of 32 groups served; the pool has one member, nobody takes over when it fails');
  expect(groups[0]).toMatchObject({ state: GroupState.SERVED, secondaries: [] });
});

test('groups without owner, without warm secondary', () => {
  const records = settled('frontend-0', 'frontend-1');
  const [first, second] = records as [MemberRecord, MemberRecord];
  const lost = groupsOf(first).owned.splice(0, 1);
  const cold = groupsOf(first)
    .owned.slice(0, 2)
    .map(([group]) => group);
  groupsOf(second).warm = groupsOf(second).warm.filter((group) => !cold.includes(group));
  const { groups, quorum } = poolView('frontend', records);
  expect(quorum).toBe(
    '31 of 32 groups served; 1 group is served by nobody, its users wait; 2 groups have no warm secondary',
  );
  expect(groups[lost[0]?.[0] as number]).toMatchObject({ owner: '', state: GroupState.UNOWNED });
  expect(groups[cold[0] as number]).toMatchObject({
    state: GroupState.DEGRADED,
    secondaries: [{ pod: 'frontend-1', warm: false }],
  });
});

test('a pod that drains hands over what it owns', () => {
  const records = settled('frontend-0', 'frontend-1');
  Object.assign(records[0] as MemberRecord, {
    state: 'draining',
    drain: { startedAt: '2026-01-01T00:00:00Z', remaining: { groups: 16 } },
  });
  const { members, quorum } = poolView('frontend', records);
  expect(quorum).toBe('32 of 32 groups served; 16 groups are moving to other pods; frontend-0 is draining');
  expect(members[0]).toMatchObject({ state: 'draining', drainRemaining: { groups: 16 } });
});

test('of two who say that they own a group the one with the higher term does', () => {
  const records = settled('frontend-0', 'frontend-1');
  const [[group] = [0]] = groupsOf(records[0] as MemberRecord).owned;
  groupsOf(records[1] as MemberRecord).owned.push([group, 7]);
  expect(poolView('frontend', records).groups[group]).toMatchObject({ owner: 'frontend-1', term: 7 });
});

test('nobody is there', () => {
  expect(poolView('frontend', []).quorum).toBe(
    '0 of 32 groups served; 32 groups are served by nobody, their users wait; no Front End of the pool is there',
  );
});

test('where a user is, and why', () => {
  const aor = 'sip:alice@contoso.lab';
  const group = groupOf(aor);
  const pods = ['frontend-0', 'frontend-1', 'frontend-2'];
  const [first, second, third] = placement(pods)[group] as [string, string, string];
  const records = settled(...pods);
  expect(placeOfUser(poolView('frontend', records), aor)).toEqual({
    group,
    pool: 'frontend',
    owner: first,
    term: 1,
    secondaries: [second, third],
    why: `${aor} is in routing group ${group}; ${first} is first for it and owns it in term 1, then comes ${second}, then ${third}`,
  });
  const owner = records.find(({ pod }) => pod === first) as MemberRecord;
  owner.state = 'draining';
  expect(placeOfUser(poolView('frontend', records), aor).why).toContain(
    `${first} owns it in term 1 and hands it over to ${second} because it drains, once that has a warm copy`,
  );
  const without = records.filter((record) => record !== owner);
  expect(placeOfUser(poolView('frontend', without), aor).why).toContain(
    `nobody owns it for now, ${second} is to take it`,
  );
  expect(placeOfUser(poolView('frontend', []), aor).why).toContain('and nobody is there to take it');
});
