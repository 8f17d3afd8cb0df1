import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silent } from '../../test/silent.ts';
import { createDrain, type Draining, type DrainReport } from './drain.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function start(run: (draining: Draining) => Promise<void>) {
  const seen: DrainReport[] = [];
  const entered = vi.fn();
  const drain = createDrain({ limitMs: 10_000, log: silent, enter: entered, run });
  drain.onProgress((report) => seen.push(report));
  const over = vi.fn();
  void drain.over.then(over);
  return { drain, seen, entered, over };
}

test('ends when nothing is left, and says on the way what is', async () => {
  let groups = 3;
  const { drain, seen, over } = start(async (draining) => {
    draining.count(() => ({ groups, connections: 0 }));
    await draining.idle();
  });
  expect(drain.report()).toBeUndefined();
  void drain.begin('SIGTERM');
  expect(drain.report()).toMatchObject({ state: 'draining', remaining: { groups: 3 }, limitSeconds: 10 });
  await vi.advanceTimersByTimeAsync(2_100);
  expect(seen.map(({ remaining }) => remaining)).toEqual([{ groups: 3 }, { groups: 3 }]);
  expect(over).not.toHaveBeenCalled();
  groups = 0;
  await vi.advanceTimersByTimeAsync(100);
  expect(seen.at(-1)).toMatchObject({ state: 'done', remaining: {} });
  expect(over).toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(seen).toHaveLength(3);
});

test('ends after its time with what is left then', async () => {
  let connections = 7;
  const { drain, seen, over } = start(async (draining) => {
    draining.count(() => ({ connections }));
    await new Promise(() => {});
  });
  void drain.begin('SIGTERM');
  await vi.advanceTimersByTimeAsync(9_990);
  expect(over).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(10);
  expect(over).toHaveBeenCalled();
  connections = 0;
  expect(seen.at(-1)).toMatchObject({ state: 'forced', remaining: { connections: 7 } });
  expect(drain.report()).toEqual(seen.at(-1));
});

test('who comes later joins', async () => {
  const run = vi.fn(() => Promise.resolve());
  const { drain, entered } = start(run);
  await Promise.all([drain.begin('SIGTERM'), drain.begin('asked to by admin')]);
  await drain.begin('once more');
  expect([run.mock.calls.length, entered.mock.calls.length]).toEqual([1, 1]);
});

test('is cut short, and tells the role', async () => {
  let signal: AbortSignal | undefined;
  const { drain, over } = start(async (draining) => {
    signal = draining.signal;
    draining.count(() => ({ transactions: 1 }));
    await draining.idle();
  });
  void drain.begin('SIGTERM');
  drain.cut();
  await vi.advanceTimersByTimeAsync(0);
  expect(over).toHaveBeenCalled();
  expect(signal?.aborted).toBe(true);
  expect(drain.report()).toMatchObject({ state: 'forced', remaining: { transactions: 1 } });
});

test('a role that fails to drain does not keep its process, nor is it said to be done', async () => {
  const { drain, over, seen } = start(async (draining) => {
    draining.count(() => ({ groups: 2 }));
    throw new Error('no');
  });
  await drain.begin('SIGTERM');
  expect(over).toHaveBeenCalled();
  expect(seen.at(-1)).toMatchObject({ state: 'forced', remaining: { groups: 2 } });
});
