import { expect, test } from 'vitest';
import { ConnectionFlow } from './connection-flow.ts';
import { completeLimits } from './limits.ts';
import type { Frame } from './stream-framer.ts';

const limits = completeLimits({ halfOpenSeconds: 10, messageSeconds: 20, idleSeconds: 100 });
const address = { address: '192.0.2.7', port: 5555 };
const ends = { transport: 'tcp', remote: address, local: address, sentBy: 'fe' } as const;

/** A connection without a socket. */
class Scripted extends ConnectionFlow {
  queued = 0;
  inMessage = false;
  readonly #frames: Frame[] = [];

  constructor(outgoing = false) {
    const receiver = { receive: () => true, broken() {} };
    super(ends, { limits, receiver, sentBy: undefined, idPrefix: '', outgoing });
  }

  arrives(kind: 'ping' | 'message'): void {
    this.#frames.push(kind === 'ping' ? { kind } : { kind, bytes: Buffer.alloc(0) });
    this.work();
  }

  protected override take(): Frame | undefined {
    return this.#frames.shift();
  }
  protected override write(): void {}
  protected override setReading(): void {}
  protected override end(): void {}
  protected override destroy(): void {}
}

/** Asks at each second, as a listener does. */
function firstOverdue(flow: Scripted, seconds: number, at: (second: number) => void = () => {}) {
  const begin = Math.ceil(performance.now());
  for (let second = 1; second <= seconds; second++) {
    at(second);
    const reason = flow.overdue(begin + second * 1000 + 500);
    if (reason !== undefined) return [reason, second];
  }
  return undefined;
}

test('the first message has its time, and pings do not lengthen it', () => {
  expect(firstOverdue(new Scripted(), 60)).toEqual(['no message in time', 10]);
  const pinging = new Scripted();
  expect(firstOverdue(pinging, 60, () => pinging.arrives('ping'))).toEqual(['no message in time', 10]);
});

test('a connection of our own owes no message', () => {
  expect(firstOverdue(new Scripted(true), 200)).toEqual(['idle', 100]);
});

test('pings keep a connection that had a message', () => {
  const flow = new Scripted();
  flow.arrives('message');
  expect(firstOverdue(flow, 500, (second) => second % 90 === 0 && flow.arrives('ping'))).toBeUndefined();
});

test('a message has its time, counted anew for each', () => {
  const flow = new Scripted();
  flow.arrives('message');
  flow.inMessage = true;
  expect(firstOverdue(flow, 500, (second) => second < 60 && flow.arrives('message'))).toEqual([
    'message not completed in time',
    80,
  ]);
});
