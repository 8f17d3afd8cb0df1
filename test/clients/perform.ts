// One request as its user sees it: challenges, refusals for now and lost answers are the client's own business, for a while.
import type { SipRequest, SipResponse } from '@linchpin/sip';
import type { Credentials } from './credentials.ts';
import type { ClientFlow } from './flow.ts';
import type { Stack } from './stack.ts';

export interface Patience {
  /** Milliseconds after which a user sees that it did not work. */
  giveUp: number;
  /** Milliseconds for the answer to one attempt: longer than the server may hold a request. */
  attempt: number;
}

export const defaultPatience: Patience = { giveUp: 10_000, attempt: 6000 };

export interface Outcome {
  what: string;
  user: string;
  callId: string;
  ok: boolean;
  /** The final response, where there was one. */
  response?: SipResponse;
  /** What went wrong last: "503 Service Unavailable", "timeout", "no connection: …". */
  why?: string;
  attempts: number;
  /** Every refusal and loss on the way. */
  setbacks: string[];
  milliseconds: number;
}

export interface Task {
  what: string;
  /** The request of one attempt, without Via. */
  make(): SipRequest;
  /** Where to send it; rejects when there is no way at this time. */
  flow(until: number): Promise<ClientFlow>;
  /** Statuses to try again after, beside 408, 430, 503 and 504. */
  again?: readonly number[];
  /** Told of each attempt that got no 2xx though another time it may, with when it began (performance.now()). */
  onSetback?(why: string, begun: number): void;
}

/** Nobody is told a reason of these kinds before it was tried again (RFC 3261 21.4.9, 21.5.4; RFC 5626 11.5). */
const passing = [408, 430, 503, 504];

/** The way that a request was bound to has ended: trying again is of no use. */
export class WayEnded extends Error {}

export interface Requester {
  user: string;
  stack: Stack;
  credentials: Credentials;
  patience: Patience;
}

const wait = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Never rejects. */
export async function perform(task: Task, by: Requester): Promise<Outcome> {
  const begun = performance.now();
  const until = begun + by.patience.giveUp;
  const setbacks: string[] = [];
  let callId = '';
  const outcome = (ok: boolean, why?: string, response?: SipResponse): Outcome => ({
    what: task.what,
    user: by.user,
    callId,
    ok,
    ...(why === undefined ? {} : { why }),
    ...(response === undefined ? {} : { response }),
    attempts: setbacks.length + 1,
    setbacks,
    milliseconds: performance.now() - begun,
  });
  for (;;) {
    const attemptBegun = performance.now();
    let why: string;
    let pause: number | undefined;
    try {
      const flow = await task.flow(until);
      const { request, answer } = await authenticated(task, flow, until, by);
      callId = request.callId;
      if (typeof answer === 'string') why = answer;
      else {
        why = `${answer.status} ${answer.reason}`;
        if (answer.status < 300) return outcome(true, undefined, answer);
        if (!isPassing(answer, task)) return outcome(false, why, answer);
        pause = retryAfter(answer);
      }
    } catch (error) {
      why = `no connection: ${(error as Error).message}`;
      if (error instanceof WayEnded) return outcome(false, why);
    }
    task.onSetback?.(why, attemptBegun);
    const left = until - performance.now();
    const next = pause === undefined ? backOff(setbacks.length, left) : pause * (1 + Math.random() * 0.2);
    if (next >= left) return outcome(false, why);
    setbacks.push(why);
    await wait(next);
  }
}

/** Of its own accord a client keeps half a second for a last try. */
function backOff(tried: number, left: number): number {
  const next = Math.min(2000, 200 * 2 ** tried) * (1 + Math.random() * 0.2);
  return left > 600 ? Math.min(next, left - 500) : next;
}

const isPassing = (answer: SipResponse, { again = [] }: Task): boolean =>
  passing.includes(answer.status) ||
  again.includes(answer.status) ||
  (answer.status >= 500 && answer.has('retry-after'));

/** Milliseconds (RFC 3261 20.33). */
function retryAfter(answer: SipResponse): number | undefined {
  const seconds = /^\d+/.exec(answer.get('retry-after') ?? '')?.[0];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** A wrong password is challenged anew without end, an old nonce once: three answers are enough (RFC 3261 22.2). */
async function authenticated(
  task: Task,
  flow: ClientFlow,
  until: number,
  { stack, credentials, patience }: Requester,
) {
  for (let challenges = 0; ; challenges++) {
    const request = task.make();
    if (challenges > 0 || !flow.reliable) credentials.sign(request);
    const left = Math.min(patience.attempt, until - performance.now());
    const answer = await stack.ask(request, flow, Math.max(left, 1));
    const asked = typeof answer !== 'string' && (answer.status === 401 || answer.status === 407);
    if (!asked || challenges === 3 || !credentials.challenged(answer)) return { request, answer };
  }
}
