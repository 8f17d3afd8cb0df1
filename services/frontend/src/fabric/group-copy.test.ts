import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFakeStream, type FakeStream } from '../../test/fake-stream.ts';
import { createDeletionMarks } from './deletion-marks.ts';
import { createGroupCopy, type GroupCopy } from './group-copy.ts';
import type { OnEntry } from './group-stream.ts';
import { createSlots, type Slots } from './slot.ts';

const owner = { pod: 'fe-1', incarnation: 'x', term: 1 };
const RESUME_MS = 1000;
let fake: FakeStream;
let slots: Slots;
let copy: GroupCopy;
let reconnect: () => void;
let whole: number;
/** What a feed brings, and when, in place of all at once. */
let feed: ((onEntry: OnEntry) => void) | undefined;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'setInterval', 'clearInterval', 'clearTimeout'] });
  fake = createFakeStream();
  await fake.stream.create();
  fake.writeAs('owner', owner);
  slots = createSlots();
  whole = 0;
  feed = undefined;
  copy = createGroupCopy({
    stream: {
      info: fake.stream.info,
      async feed(after, onEntry) {
        if (!feed) return fake.stream.feed(after, onEntry);
        feed(onEntry);
        const { promise: ended, resolve: stop } = Promise.withResolvers<void>();
        return { count: 3, ended, stop };
      },
    },
    nats: {
      onConnected(listener) {
        reconnect = () => listener({} as never);
        return () => {};
      },
    },
    slots,
    marks: createDeletionMarks(),
    log: { debug() {} },
    onOwner() {},
    onWhole: () => whole++,
    timing: { retryMs: 10, checkMs: 100, untilMs: 100, resumeMs: RESUME_MS },
  });
});
afterEach(() => {
  copy.stop();
  vi.useRealTimers();
});

const keys = () => [...slots.all()].map(({ key }) => key);
const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

/** Nothing comes from the stream meanwhile. */
async function away(milliseconds: number, change: () => void): Promise<void> {
  fake.fault = 'away';
  reconnect();
  await pass(0);
  change();
  await pass(milliseconds);
  fake.fault = undefined;
  reconnect();
  await pass(0);
}

test('a copy that paused reads on from where it was', async () => {
  fake.writeAs('a.x', 1);
  copy.follow({ created: '', seen: 0 });
  await pass(0);
  expect([keys(), whole]).toEqual([['a.x'], 1]);
  await away(RESUME_MS / 2, () => fake.writeAs('b.x', 2));
  expect(keys()).toEqual(['a.x', 'b.x']);
});

test('a copy that paused for long forgets what was deleted without a mark that could still be read', async () => {
  fake.writeAs('a.x', 1);
  fake.writeAs('b.x', 1);
  copy.follow({ created: '', seen: 0 });
  await pass(0);
  await away(2 * RESUME_MS, () => {
    fake.writeAs('owner', { ...owner, term: 2 });
    void fake.stream.dropMark('a.x', 2);
  });
  expect([keys(), copy.remembers]).toEqual([['b.x'], false]);
});

test('so does one whose process slept', async () => {
  fake.writeAs('a.x', 1);
  copy.follow({ created: '', seen: 0 });
  await pass(0);
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 2 * RESUME_MS);
  await fake.stream.dropMark('a.x', 2);
  fake.writeAs('owner', owner);
  await vi.waitFor(() => expect(keys()).toEqual([]), { timeout: 10_000 });
  vi.restoreAllMocks();
});

test('a feed that is dead is replaced', async () => {
  let feeds = 0;
  feed = () => feeds++;
  copy.follow({ created: '', seen: 0 });
  await pass(150);
  fake.writeAs('a.x', 1);
  await pass(150);
  feed = undefined;
  await vi.waitFor(() => expect(keys()).toEqual(['a.x']), { timeout: 10_000 });
  expect(feeds).toBe(1);
});

test('so it is at once when a claim does not come', async () => {
  feed = () => {};
  copy.follow({ created: '', seen: 0 });
  await pass(0);
  const first = copy
    .until('stream 1', fake.writeAs('owner', { ...owner, term: 2 }))
    .catch((error) => error.message);
  feed = undefined;
  await pass(100);
  expect(await first).toContain('does not come back');
  await copy.until('stream 1', 2);
});

test('a copy that is still being read is not whole, whether NATS answers or not', async () => {
  fake.writeAs('a.x', 1);
  fake.writeAs('b.x', 1);
  feed = (onEntry) => {
    for (const at of [1, 2])
      setTimeout(() => onEntry({ key: `k.${at}`, text: '1', sequence: at }, 3 - at), at * 90);
  };
  copy.follow({ created: '', seen: 0 });
  await pass(150);
  fake.fault = 'away';
  await pass(600);
  expect(whole).toBe(0);
  // The last entry was a mark that is gone by now.
  fake.fault = undefined;
  await pass(200);
  expect(whole).toBe(1);
});
