// RFC 5626 4: one flow that is kept, and made anew when it ends.
import type { ClientFlow } from './flow.ts';

export interface ConnectionOptions {
  open(): Promise<ClientFlow>;
  /** Makes the flow one that requests may go over. Throws why it cannot; resolves with seconds between keep-alives. */
  admit(flow: ClientFlow): Promise<number>;
  /** The flow ended; another one is being made. */
  onLost(why: string): void;
  /** There is one again, with seconds between keep-alives granted. */
  onUp(flow: ClientFlow): void;
}

export interface Connection {
  /** The flow as soon as there is one; rejects with the last reason at `until` (performance.now()). */
  flow(until: number): Promise<ClientFlow>;
  readonly current: ClientFlow | undefined;
  /** Another flow in place of this one, which ends when the other is there. False while one is being made anyway. */
  renew(): Promise<boolean>;
  readonly reconnects: number;
  start(): void;
  close(): void;
}

/** RFC 5626 4.5 lets them be configured: a person who talks waits for no half minute. */
const backOff = { baseMs: 500, maxMs: 30_000 };
const PONG_MS = 10_000;
const REPLACED_MS = 2000;

/** RFC 5626 4.5: 50 to 100% of the base, doubled with each failure. */
export const backOffMs = (failures: number): number =>
  Math.min(backOff.maxMs, backOff.baseMs * 2 ** failures) * (0.5 + Math.random() * 0.5);

export function createConnection(options: ConnectionOptions): Connection {
  let current: ClientFlow | undefined;
  let making = false;
  let closing = false;
  let reconnects = 0;
  let reason = 'not connected yet';
  let keepAlive: NodeJS.Timeout | undefined;
  let again: NodeJS.Timeout | undefined;
  const waiting = new Set<(flow: ClientFlow) => void>();

  /** RFC 5626 4.4.1: 80 to 100% of what the server asks for. */
  function keepAliveIn(flow: ClientFlow, seconds: number): void {
    clearTimeout(keepAlive);
    keepAlive = setTimeout(
      async () => {
        if (flow !== current) return;
        if (await flow.ping(PONG_MS)) keepAliveIn(flow, seconds);
        else flow.close('it answers no keep-alive');
      },
      seconds * 1000 * (0.8 + Math.random() * 0.2),
    );
  }

  async function make(): Promise<ClientFlow> {
    const flow = await options.open();
    try {
      const seconds = await options.admit(flow);
      if (flow.closed) throw new Error('closed by the server');
      if (closing) throw new Error('the client ends');
      take(flow, seconds);
      return flow;
    } catch (error) {
      flow.close('not signed in');
      throw error;
    }
  }

  function take(flow: ClientFlow, seconds: number): void {
    const before = current;
    current = flow;
    flow.onClose((why) => flow === current && !closing && lost(why));
    // What was asked over it may still be answered.
    if (before !== undefined) setTimeout(() => before.close('replaced'), REPLACED_MS).unref();
    keepAliveIn(flow, seconds);
    options.onUp(flow);
    for (const resolve of [...waiting]) resolve(flow);
  }

  function lost(why: string): void {
    current = undefined;
    reason = why;
    reconnects++;
    options.onLost(why);
    if (!making) void remake();
  }

  async function remake(): Promise<void> {
    making = true;
    for (let failures = 0; !closing && current === undefined; failures++) {
      await new Promise<void>((resolve) => {
        again = setTimeout(resolve, reconnects === 0 && failures === 0 ? 0 : backOffMs(failures));
      });
      if (!closing)
        await make().catch((error: Error) => {
          reason = error.message;
        });
    }
    making = false;
  }

  return {
    get current() {
      return current;
    },
    get reconnects() {
      return reconnects;
    },
    flow(until) {
      if (current !== undefined) return Promise.resolve(current);
      return new Promise((resolve, reject) => {
        const done = (settle: () => void): void => {
          clearTimeout(late);
          waiting.delete(take);
          settle();
        };
        const take = (flow: ClientFlow): void => done(() => resolve(flow));
        const late = setTimeout(() => done(() => reject(new Error(reason))), until - performance.now());
        waiting.add(take);
      });
    },
    async renew() {
      if (making || closing || current === undefined) return false;
      making = true;
      try {
        await make();
        return true;
      } finally {
        making = false;
        if (current === undefined && !closing) void remake();
      }
    },
    start: () => void remake(),
    close() {
      closing = true;
      clearTimeout(keepAlive);
      clearTimeout(again);
      current?.close('signed out');
    },
  };
}
