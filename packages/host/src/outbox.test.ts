import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Batch, Framed } from './batch.ts';
import { Outbox } from './outbox.ts';

interface Numbered extends Framed {
  n: number;
}

/** A stream that keeps what it is given; `read` lets it go on where `blocked`. */
function createSink({ blocked = false } = {}) {
  const batches: Numbered[][] = [];
  let release: (() => void) | undefined;
  const stream = new Writable({
    objectMode: true,
    highWaterMark: 1,
    write(batch: Batch<Numbered>, _encoding, done) {
      batches.push(batch.frames);
      if (blocked) release = done;
      else done();
    },
  });
  return { stream, batches, read: () => release?.() };
}

const numbers = (count: number): Numbered[] => Array.from({ length: count }, (_, n) => ({ n }));

test('1000 frames of one turn travel in few batches, in order', async () => {
  const { stream, batches } = createSink();
  const outbox = new Outbox<Numbered>(stream, 8192);
  for (const frame of numbers(1000)) outbox.push(frame);
  await turn();
  await turn();
  expect(batches.length).toBeLessThanOrEqual(2);
  expect(batches.flat()).toEqual(numbers(1000));
});

test('a batch holds at most a megabyte, but a larger frame still goes', async () => {
  const { stream, batches } = createSink();
  const outbox = new Outbox<Framed>(stream, 8192);
  const sizes = [600_000, 600_000, 100, 2_000_000, 100];
  for (const size of sizes) outbox.push({ message: Buffer.alloc(size) });
  for (let i = 0; i < 8; i++) await turn();
  expect(batches.map((frames) => frames.map(({ message }) => message?.length))).toEqual([
    [600_000],
    [600_000, 100],
    [2_000_000],
    [100],
  ]);
});

test('a reader that stops fills the queue, and only the queue', async () => {
  const sink = createSink({ blocked: true });
  const outbox = new Outbox<Numbered>(sink.stream, 10);
  outbox.push({ n: -1 });
  await turn();
  const taken = numbers(20).map((frame) => outbox.push(frame));
  await turn();
  expect(taken.filter(Boolean)).toHaveLength(10);
  expect(sink.batches).toHaveLength(1);
  sink.read();
  await turn();
  expect(sink.batches.flat().map(({ n }) => n)).toEqual([-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('what is finished leaves whole, even where the reader has stopped', async () => {
  const sink = createSink({ blocked: true });
  const outbox = new Outbox<Numbered>(sink.stream, 10);
  outbox.push({ n: -1 });
  await turn();
  for (const frame of numbers(3)) outbox.push(frame);
  outbox.finish();
  expect(outbox.close()).toBe(0);
  sink.read();
  expect(sink.batches.flat().map(({ n }) => n)).toEqual([-1, 0, 1, 2]);
});

test('large frames fill the queue before it counts many', async () => {
  const { stream } = createSink({ blocked: true });
  const outbox = new Outbox<Framed>(stream, 8192);
  outbox.push({});
  await turn();
  const message = Buffer.alloc(1024 * 1024);
  let taken = 0;
  while (outbox.push({ message })) taken++;
  expect(taken).toBe(32);
});

test('what never left is counted', async () => {
  const { stream, batches } = createSink();
  const outbox = new Outbox<Numbered>(stream, 10);
  for (const frame of numbers(3)) outbox.push(frame);
  expect(outbox.close()).toBe(3);
  expect(outbox.push({ n: 9 })).toBe(false);
  await turn();
  expect(batches).toEqual([]);
});
