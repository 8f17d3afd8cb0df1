import { expect, test } from 'vitest';
import { createLanes } from './lanes.ts';

interface Item {
  room: string;
  n: number;
}

function gated(lanes: number, atOnce: number) {
  const batches: Item[][] = [];
  const open: (() => void)[] = [];
  const made = createLanes<Item>({
    lanes,
    atOnce,
    run(items) {
      batches.push([...items]);
      return new Promise((resolve) => open.push(resolve));
    },
  });
  const turn = () => new Promise(setImmediate);
  return {
    batches,
    push: (room: string, ...ns: number[]) => ns.forEach((n) => void made.push({ room, n })),
    turn,
    async next() {
      open.shift()?.();
      await turn();
    },
    idle: made.idle,
  };
}

const numbers = (batch: Item[] | undefined) => batch?.map(({ room, n }) => `${room}${n}`);

test('what comes while a batch is under way is the next one', async () => {
  const lane = gated(1, 10);
  lane.push('a', 1, 2);
  await lane.turn();
  lane.push('a', 3);
  lane.push('b', 4);
  await lane.next();
  expect(lane.batches.map(numbers)).toEqual([
    ['a1', 'a2'],
    ['a3', 'b4'],
  ]);
  await lane.next();
  await lane.idle();
});

test('a busy room holds up none', async () => {
  const lane = gated(1, 4);
  lane.push('a', 1, 2, 3, 4, 5, 6, 7);
  lane.push('b', 1);
  await lane.turn();
  await lane.next();
  expect(lane.batches.map(numbers)).toEqual([
    ['a1', 'a2', 'b1', 'a3'],
    ['a4', 'a5', 'a6', 'a7'],
  ]);
});

test('more rooms than a batch takes get their turn one after the other', async () => {
  const lane = gated(1, 2);
  lane.push('a', 1, 2);
  lane.push('b', 1, 2);
  lane.push('c', 1);
  await lane.turn();
  await lane.next();
  await lane.next();
  expect(lane.batches.map(numbers)).toEqual([['a1', 'b1'], ['c1', 'a2'], ['b2']]);
});

test('rooms of several lanes do not wait for each other', async () => {
  const lane = gated(2, 10);
  lane.push('a', 1);
  lane.push('b', 1);
  await lane.turn();
  expect(lane.batches.map(numbers)).toEqual([['a1'], ['b1']]);
});
