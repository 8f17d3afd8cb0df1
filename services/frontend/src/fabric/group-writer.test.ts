import { beforeEach, describe, expect, test } from 'vitest';
import { createFakeStream, type FakeStream } from '../../test/fake-stream.ts';
import { StateUnavailable } from '../state-unavailable.ts';
import { createDeletionMarks, MARK_MS } from './deletion-marks.ts';
import { createGroupWriter, type GroupWriter } from './group-writer.ts';
import { createSlots, type Slots } from './slot.ts';

let stream: FakeStream;
let slots: Slots;
let writer: GroupWriter;
let now: number;
let troubles: Error[];
let mayWrite: boolean;
let told: string[];

beforeEach(async () => {
  stream = createFakeStream();
  await stream.stream.create();
  slots = createSlots();
  now = 0;
  troubles = [];
  mayWrite = true;
  told = [];
  writer = createGroupWriter({
    stream: stream.stream,
    slots,
    marks: createDeletionMarks(() => now),
    patience: 100,
    mayWrite: () => mayWrite,
    onStored: (key, text, sequence) => told.push(`${key}=${text}@${sequence}`),
    onTrouble: (error) => troubles.push(error),
    now: () => now,
  });
  await claim();
});

/** The own claim stands at the end of the stream. */
async function claim(): Promise<void> {
  const last = (await stream.stream.info())?.last ?? 0;
  writer.open(await stream.stream.append('owner', '{}', last));
}
const get = (key: string) => slots.get(key)?.value;
const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};
const outcome = (written: Promise<void>) =>
  written.then(
    () => 'stored',
    (error) => error.name,
  );

describe('a write', () => {
  test('is seen at once, and stored at the end of the stream', async () => {
    const written = writer.write('a.x', 1);
    expect(get('a.x')).toBe(1);
    await written;
    expect([stream.value('a.x'), writer.last, told]).toEqual([1, 2, ['a.x=1@2']]);
  });

  test('waits for the one before it, and is one write with later ones of its key', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    stream.held = promise;
    const all = [1, 2, 3, 4].flatMap((value) => [writer.write('a.x', value), writer.write('b.x', value)]);
    resolve();
    await Promise.all(all);
    expect(stream.writes).toEqual(['a.x=1', 'b.x=4', 'a.x=4']);
  });

  test('waits while nothing may be written', async () => {
    mayWrite = false;
    const written = writer.write('a.x', 1);
    await turns();
    expect(stream.writes).toEqual([]);
    mayWrite = true;
    writer.expire();
    await written;
  });

  test('after its time gives the value before it back, and so do those that followed it', async () => {
    await writer.write('a.x', 'old');
    mayWrite = false;
    const first = outcome(writer.write('a.x', 'new'));
    now = 50;
    const second = outcome(writer.write('a.x', 'newer'));
    now = 101;
    writer.expire();
    expect(await Promise.all([first, second])).toEqual(['StateUnavailable', 'StateUnavailable']);
    expect(get('a.x')).toBe('old');
    mayWrite = true;
    writer.expire();
    await turns();
    expect(stream.writes).toEqual(['a.x="old"']);
  });
});

describe('a deletion', () => {
  test('leaves a mark for those who read, and later no trace', async () => {
    await writer.write('a.x', 1);
    await writer.write('a.x', undefined);
    writer.expire();
    await turns();
    expect([stream.keys(), stream.value('a.x'), slots.size, writer.last]).toEqual([['a.x'], null, 0, 3]);
    now = MARK_MS;
    writer.expire();
    await turns();
    expect(stream.keys()).toEqual([]);
    await writer.write('a.x', 2);
    expect([stream.value('a.x'), writer.last]).toEqual([2, 4]);
  });

  test('that failed stays, and reaches the store later', async () => {
    await writer.write('a.x', 1);
    mayWrite = false;
    const deleted = outcome(writer.write('a.x', undefined));
    now = 101;
    writer.expire();
    const put = outcome(writer.write('a.x', 2));
    now = 202;
    writer.expire();
    expect([await deleted, await put, get('a.x')]).toEqual([
      'StateUnavailable',
      'StateUnavailable',
      undefined,
    ]);
    mayWrite = true;
    writer.expire();
    await turns();
    expect(stream.value('a.x')).toBeNull();
  });
});

describe('trouble', () => {
  test('stops everything until the claim is renewed', async () => {
    stream.writeAs('owner', {});
    const all = [writer.write('a.x', 1), writer.write('b.x', 1), writer.write('c.x', 1)];
    await turns();
    expect([troubles.map(({ name }) => name), stream.writes]).toEqual([['SequenceConflict'], []]);
    await claim();
    await Promise.all(all);
    expect(stream.writes).toEqual(['b.x=1', 'c.x=1', 'a.x=1']);
  });

  test('an answer that was lost is found out by the next claim: stored', async () => {
    stream.fault = 'lost answer';
    const written = writer.write('a.x', 1);
    await turns();
    stream.fault = undefined;
    await claim();
    await written;
    expect([stream.writes, told, writer.last]).toEqual([['a.x=1'], ['a.x=1@2'], 3]);
  });

  test('an answer that was lost is found out by the next claim: not stored', async () => {
    stream.fault = 'away';
    const written = writer.write('a.x', 1);
    await turns();
    stream.fault = undefined;
    await claim();
    await written;
    expect([stream.writes, told]).toEqual([['a.x=1'], ['a.x=1@3']]);
  });

  test('what was stored after its writer was told that it failed is taken back', async () => {
    await writer.write('a.x', 'old');
    stream.fault = 'lost answer';
    const written = outcome(writer.write('a.x', 'new'));
    await turns();
    now = 101;
    writer.expire();
    expect([await written, get('a.x'), stream.value('a.x')]).toEqual(['StateUnavailable', 'old', 'new']);
    stream.fault = undefined;
    await claim();
    await turns();
    expect([get('a.x'), stream.value('a.x')]).toEqual(['old', 'old']);
  });

  test('a late answer to what was sent before the claim counts no more', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    stream.held = promise;
    const written = writer.write('a.x', 1);
    writer.suspend();
    stream.held = undefined;
    await claim();
    resolve();
    await written;
    expect(stream.writes).toEqual(['a.x=1']);
    expect(writer.last).toBe(3);
  });

  test('another stream gets everything again', async () => {
    await Promise.all([writer.write('a.x', 1), writer.write('b.x', 2)]);
    stream.lose();
    const written = writer.write('c.x', 3);
    await turns();
    await stream.stream.create();
    writer.lost(0);
    await claim();
    await written;
    await turns();
    expect(stream.keys().sort()).toEqual(['a.x', 'b.x', 'c.x']);
  });

  test('who gives the group up fails all that waits', async () => {
    await writer.write('a.x', 'old');
    mayWrite = false;
    const written = outcome(writer.write('a.x', 'new'));
    writer.abandon(new StateUnavailable('over'));
    expect([await written, get('a.x'), writer.idle]).toEqual(['StateUnavailable', 'old', true]);
  });
});
