import { describe, expect, test } from 'vitest';
import type { DrainReport } from '../commands/drain.ts';
import type { PoolReport } from '../commands/pool.ts';
import { createCountdown, drainLine } from './drain.ts';
import { podTable, poolTable } from './pool.ts';

const member = {
  pod: 'frontend-0',
  state: 'running',
  address: 'h:7040',
  productVersion: '0.1.0',
  users: 5,
  registrations: 7,
  groups: 2,
  warm: 0,
  backupLag: 3,
  drainStartedAt: '',
  drainRemaining: {},
};

const report: PoolReport = {
  pool: 'frontend',
  quorum: '1 of 2 groups served; 1 group is served by nobody, its users wait',
  members: [
    member,
    { ...member, pod: 'frontend-1', state: 'draining', drainRemaining: { groups: 1, connections: 12 } },
  ],
  groups: [
    {
      group: 0,
      owner: 'frontend-0',
      term: 4,
      secondaries: [
        { pod: 'frontend-1', warm: true, seen: 90 },
        { pod: 'frontend-2', warm: false, seen: 0 },
      ],
      lastSequence: 93,
      backupLag: 1,
      state: 'served',
    },
    { group: 1, owner: '', term: 0, secondaries: [], lastSequence: 0, backupLag: 0, state: 'unowned' },
  ],
};

test('a pool: the sentence, its members, its groups', () => {
  expect(poolTable(report).split('\n')).toEqual(
    [
      'pool frontend: 1 of 2 groups served; 1 group is served by nobody, its users wait',
      '',
      'POD          STATE                                     USERS   REGISTRATIONS   GROUPS   WARM   BACKUP LAG   PRODUCT',
      'frontend-0   running                                   5       7               2        0      3            0.1.0',
      'frontend-1   draining, 1 group, 12 connections left    5       7               2        0      3            0.1.0',
      '',
      'GROUP   STATE     OWNER        TERM   SECONDARIES                                       LAST SEQUENCE   BACKUP LAG',
      '0       served    frontend-0   4      frontend-1 (warm, 3 behind), frontend-2 (cold)   93              1',
      '1       unowned   -            0      -                                                 -               0',
    ].map((line) => expect.stringMatching(new RegExp(`^${pattern(line)}$`))),
  );
});

// Columns are as wide as their content: what is between is of no matter here.
const pattern = (line: string) => line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ {2,}/g, ' +');

test('pods of all roles', () => {
  const pod = {
    pod: 'edge-0',
    role: 'edge',
    pool: 'edge',
    address: 'h:7030',
    state: 'running',
    productVersion: '1',
  };
  expect(podTable([pod])).toMatch(/edge-0 +edge +edge +running +h:7030 +1$/);
});

describe('a drain', () => {
  const drain = (more: Partial<DrainReport> = {}): DrainReport => ({
    pod: 'frontend-1',
    state: 'draining',
    remaining: { groups: 1, connections: 120 },
    startedAt: '2026-01-01T00:00:00Z',
    elapsedSeconds: 2.2,
    limitSeconds: 60,
    joined: false,
    ...more,
  });

  test('says what is left', () => {
    expect(drainLine(drain())).toBe('frontend-1 drains: 1 group, 120 connections left, 58 s at most');
    expect(drainLine(drain({ state: 'done' }))).toBe('frontend-1 is drained after 2 s; its process ends');
    expect(drainLine(drain({ state: 'forced', remaining: { transactions: 1 } }))).toBe(
      'frontend-1 ends after 2 s, its time is over; left: 1 transaction',
    );
  });

  test('in one line that changes on a terminal, in a line for each change elsewhere', () => {
    const shown = (live: boolean, joined = false) => {
      const out: string[] = [];
      const countdown = createCountdown((text) => out.push(text), live);
      for (const elapsedSeconds of [1, 2]) countdown.show(drain({ elapsedSeconds, joined }));
      countdown.show(drain({ state: 'done', remaining: {}, elapsedSeconds: 3, joined }));
      countdown.end();
      return out;
    };
    expect(shown(false)).toEqual([
      'frontend-1 drains: 1 group, 120 connections left, 59 s at most\n',
      'frontend-1 is drained after 3 s; its process ends\n',
    ]);
    expect(shown(true)).toHaveLength(4);
    expect(shown(true).join('')).toContain(
      '\r\u001b[Kfrontend-1 drains: 1 group, 120 connections left, 58 s',
    );
    expect(shown(false, true)[0]).toBe('frontend-1 drains already, since 2026-01-01T00:00:00Z\n');
  });
});
