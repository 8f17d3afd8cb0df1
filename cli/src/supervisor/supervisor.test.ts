import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { endProcess, spawnGuarded } from '@linchpin/backends';
import { afterEach, describe, expect, test } from 'vitest';
import { createBackOff } from './backoff.ts';
import type { Part } from './part.ts';
import { Supervisor } from './supervisor.ts';

interface Fake extends Partial<Part> {
  name: string;
  /** Runs in sh. */
  script?: string;
}

let said: string[] = [];
let events: string[] = [];
let supervisor: Supervisor;

const part = ({ script = 'exec sleep 60', ...fake }: Fake): Part => ({
  startsAfter: [],
  stopsAfter: [],
  lacks: async () => undefined,
  async start() {
    events.push(`start ${fake.name}`);
    const running = await spawnGuarded('sh', ['-c', script], { stdio: 'ignore' });
    const stop = async () => {
      events.push(`stop ${fake.name}`);
      await endProcess(running, 'SIGTERM', 1_000);
    };
    return { pid: running.pid, exited: running.exited, stop };
  },
  ...fake,
});

function supervise(...fakes: Fake[]): Supervisor {
  said = [];
  events = [];
  supervisor = new Supervisor({ parts: fakes.map(part), say: (line) => said.push(line) });
  return supervisor;
}

const until = async (condition: () => boolean) => {
  while (!condition()) await wait(5);
};

afterEach(() => supervisor.stop());

describe('the supervisor', () => {
  test('starts each part when what it needs serves, and stops them in their order', async () => {
    let database = false;
    supervise(
      { name: 'role', startsAfter: ['database'] },
      { name: 'database', stopsAfter: ['role'], lacks: async () => (database ? undefined : 'recovering') },
    );
    const started = supervisor.start();
    await until(() => supervisor.pids().database !== undefined);
    expect(events).toEqual(['start database']);
    database = true;
    await started;
    expect(Object.keys(supervisor.pids()).sort()).toEqual(['database', 'role']);
    await supervisor.stop();
    expect(events).toEqual(['start database', 'start role', 'stop role', 'stop database']);
    expect(supervisor.pids()).toEqual({});
  });

  test('brings back what was killed', async () => {
    await supervise({ name: 'edge' }).start();
    const { edge: before } = supervisor.pids();
    process.kill(before as number, 'SIGKILL');
    await until(() => supervisor.pids().edge !== before && supervisor.pids().edge !== undefined);
    expect(said).toEqual(['edge ended (signal SIGKILL); starting it again in 100 ms']);
  });

  test('keeps on when a part that had served cannot start again at once', async () => {
    let broken = false;
    const real = part({ name: 'nats' });
    const start = () => (broken ? Promise.reject(new Error('port taken')) : real.start());
    await supervise({ name: 'nats', start }).start();
    broken = true;
    process.kill(supervisor.pids().nats as number, 'SIGKILL');
    await until(() => said.length === 3);
    expect(said[2]).toBe('nats ended (port taken); starting it again in 400 ms');
    broken = false;
    await until(() => supervisor.pids().nats !== undefined);
  });

  test('gives up when a part cannot start the first time', async () => {
    const refuses = supervise(
      { name: 'nats', start: () => Promise.reject(new Error('port taken')) },
      { name: 'edge' },
    );
    await expect(refuses.start()).rejects.toThrow('port taken');
  });

  test('gives up when a part says that another attempt cannot help', async () => {
    supervise({ name: 'edge', script: 'exit 2', fatalExits: [2], lacks: async () => 'no answer' });
    await expect(supervisor.start()).rejects.toThrow('edge does not start (exit code 2)');
    expect(said).toEqual([]);
  });

  test('gives up after five attempts when a part never served', async () => {
    supervise({ name: 'edge', script: 'exit 1', lacks: async () => 'no answer' });
    await expect(supervisor.start()).rejects.toThrow('edge does not start (exit code 1)');
    expect(said).toHaveLength(4);
  });

  test('ends a part that is just starting', async () => {
    supervise({ name: 'edge', lacks: async () => 'starting' });
    const started = supervisor.start();
    await until(() => supervisor.pids().edge !== undefined);
    const { edge } = supervisor.pids();
    await Promise.all([supervisor.stop(), expect(started).rejects.toThrow('edge was stopped')]);
    expect(existsSync(`/proc/${edge}`)).toBe(false);
  });

  test('ends a part whose start had not returned yet', async () => {
    const real = part({ name: 'postgres' });
    const gate = Promise.withResolvers<void>();
    supervise({ name: 'postgres', start: () => gate.promise.then(() => real.start()) });
    const started = supervisor.start();
    const stopped = supervisor.stop();
    gate.resolve();
    await Promise.all([stopped, expect(started).rejects.toThrow('postgres was stopped')]);
    expect(events).toEqual(['start postgres', 'stop postgres']);
  });

  test('starts nothing once it stops', async () => {
    supervise(
      { name: 'database', lacks: async () => 'recovering' },
      { name: 'role', startsAfter: ['database'] },
    );
    const started = supervisor.start();
    await until(() => supervisor.pids().database !== undefined);
    await Promise.all([supervisor.stop(), expect(started).rejects.toThrow('was stopped')]);
    expect(events).toEqual(['start database', 'stop database']);
  });
});

describe('the back-off', () => {
  test('doubles up to five seconds, and forgets after a healthy time', () => {
    const backOff = createBackOff();
    const delays = Array.from({ length: 8 }, () => backOff.next(0));
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(backOff.next(10_000)).toBe(100);
    expect(backOff.next(0)).toBe(200);
  });
});
