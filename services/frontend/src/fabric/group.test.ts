import { createLog } from '@linchpin/host';
import { OWNER_KEY } from '@linchpin/proto/subjects';
import { beforeEach, expect, test, vi } from 'vitest';
import { createFakeStream, type FakeStream } from '../../test/fake-stream.ts';
import { createGroup, type Group, type GroupView } from './group.ts';

const self = { pod: 'fe-0', incarnation: 'mine' };
const other = { pod: 'fe-1', incarnation: 'theirs' };
const view: GroupView = {
  designation: 'primary',
  leaseHeld: true,
  alone: false,
  mayHand: false,
  contested: false,
  successor: undefined,
};
let fake: FakeStream;
let group: Group;
/** Answers to what was stored wait for it. */
let late: Promise<void> | undefined;
let told: string[];
/** Others that say that they own the group. */
let isClaimed: boolean;

beforeEach(() => {
  fake = createFakeStream();
  late = undefined;
  told = [];
  isClaimed = false;
  group = createGroup({
    group: 7,
    self,
    stream: {
      ...fake.stream,
      async append(...entry) {
        const sequence = await fake.stream.append(...entry);
        await late;
        return sequence;
      },
    },
    nats: { onConnected: () => () => {} },
    log: createLog({ role: 'frontend', name: 'test', level: 'silent' }),
    patience: 1000,
    isLeaseHeld: () => true,
    mayServe: (owner) => (owner ? owner.pod === other.pod : isClaimed),
    backup: undefined,
    onWrite: undefined,
    nextTurn: async () => {},
    onChange() {},
    onTaken: () => told.push('taken'),
    onReleased: () => told.push('released'),
  });
});

const until = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 10_000 });
const look = (change: Partial<GroupView> = {}) => group.look({ ...view, ...change });

async function serve(): Promise<void> {
  look();
  await until(() => group.phase === 'warm');
  look();
  await until(() => group.phase === 'serving');
}

/** A claim is stored, and another takes the group before the answer comes: this pod slept for longer than its lease. */
async function sleepAfter(claim: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  late = promise;
  const { term = 0 } = fake.ownerNow() ?? {};
  claim();
  await until(() => (fake.ownerNow()?.term ?? 0) > term);
  fake.writeAs(OWNER_KEY, { ...other, term: term + 2 });
  late = undefined;
  group.leased();
  resolve();
}

test('a claim that was renewed before the lease lapsed is renewed again', async () => {
  await serve();
  await sleepAfter(() => group.leased());
  await until(() => group.phase === 'warm');
  expect(told).toEqual(['taken', 'released']);
});

test('a claim that was made before the lease lapsed is no reason to serve', async () => {
  await fake.stream.create();
  fake.writeAs(OWNER_KEY, { pod: 'dead', incarnation: 'x', term: 1 });
  look();
  await until(() => group.phase === 'warm');
  await sleepAfter(() => look());
  await until(() => group.phase === 'warm');
  expect(told).toEqual(['taken', 'released']);
});

test('an owner that hears of a later one goes, unless the stream still names itself', async () => {
  await serve();
  const { term } = group;
  look({ contested: true });
  await until(() => group.phase === 'serving');
  expect([group.term, told]).toEqual([term + 1, ['taken']]);
  fake.writeAs(OWNER_KEY, { ...other, term: term + 2 });
  look({ contested: true });
  expect(group.phase).toBe('regaining');
  await until(() => group.phase === 'warm');
  expect(told).toEqual(['taken', 'released']);
});

test('a stream that is lost is left to its owner while that lives', async () => {
  isClaimed = true;
  look();
  await until(() => group.phase === 'warm');
  look();
  expect(group.phase).toBe('warm');
  isClaimed = false;
  look();
  expect(group.phase).toBe('taking');
  isClaimed = true;
  await until(() => group.phase === 'warm');
  expect(fake.ownerNow()).toBeNull();
});
