import { describe, expect, it } from 'vitest';
import { createPoolClock } from './pool-clock.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };

function clockAt(wall: number) {
  const offsets: number[] = [];
  const machine = { wall };
  const clock = createPoolClock({ log, wallClock: () => machine.wall, onOffset: (ms) => offsets.push(ms) });
  return { clock, machine, offsets };
}

describe('the clock of a pool', () => {
  it("is the machine's while NATS agrees, and while an answer was only slow", () => {
    const { clock, offsets } = clockAt(1_000_000);
    clock.observed(1_000_500, 0);
    clock.observed(992_000, 20_000);
    expect(clock.now()).toBe(1_000_000);
    expect(offsets).toEqual([]);
  });

  it('is that of NATS where the machine is a minute ahead, and does not tremble', () => {
    const { clock, machine, offsets } = clockAt(1_060_000);
    clock.observed(1_000_000, 0);
    machine.wall += 500;
    clock.observed(1_000_530, 10);
    expect(clock.now()).toBe(1_000_500);
    expect(offsets).toEqual([-60_000]);
  });

  it('goes back to the machine when that was set right', () => {
    const { clock, machine, offsets } = clockAt(1_060_000);
    clock.observed(1_000_000, 0);
    machine.wall = 1_001_000;
    clock.observed(1_001_000, 0);
    expect(clock.now()).toBe(1_001_000);
    expect(offsets).toEqual([-60_000, 0]);
  });
});
