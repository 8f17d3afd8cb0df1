import { boundedKey } from '@linchpin/host';
import type { Flow, SipRequest } from '@linchpin/sip';
import { createGenerations } from './generations.ts';
import { isRemote } from './remote-flow.ts';

/** A copy comes at most so long after what it is a copy of. */
const LATEST_COPY_MS = 10_000;
const CAPACITY = 100_000;
const ANSWER_BYTES = 32 * 1024 * 1024;

/**
 * Which requests were begun here. Where a connection ends, a request without an answer is passed on once more; several Front Ends may
 * then hold a copy, and bring them one after the other. While its transaction lives a copy is known by that, and over reliable
 * transports it ends with its answer (RFC 3261 17.2.2, timer J). That answer may have been lost with the stream between two pods, so
 * it is kept for as long as copies come.
 */
export interface Begun {
  /** Whether it is a copy of what was begun before; then it gets the final answer that there was, if there was one. */
  isCopy(request: SipRequest, flow: Flow): boolean;
  /** Returns who keeps the final answer; undefined where no copies are expected. */
  begin(request: SipRequest, flow: Flow): ((answer: Buffer) => void) | undefined;
}

export interface BegunOptions {
  now?: () => number;
  /** Bytes of answers that are kept, half of them at least. */
  answerBytes?: number;
}

export function createBegun(options: BegunOptions = {}): Begun {
  const { now = () => performance.now(), answerBytes = ANSWER_BYTES } = options;
  const kept = { milliseconds: LATEST_COPY_MS, capacity: CAPACITY, now };
  const begun = createGenerations<true>(kept);
  // As text: a small buffer would keep the whole slab that it was cut from.
  const answers = createGenerations<string>({
    ...kept,
    bytes: answerBytes / 2,
    sizeOf: ({ length }) => length,
  });

  return {
    isCopy(request, flow) {
      const key = keyOf(request, flow);
      if (key === undefined) return false;
      const answer = answers.get(key);
      if (answer !== undefined) flow.send(Buffer.from(answer, 'latin1'));
      return answer !== undefined || begun.get(key) === true;
    },
    begin(request, flow) {
      const key = keyOf(request, flow);
      if (key === undefined) return undefined;
      begun.set(key, true);
      return (answer) => answers.set(key, answer.toString('latin1'));
    },
  };
}

function keyOf({ via: { branch } }: SipRequest, flow: Flow): string | undefined {
  const mayComeAgain = flow.reliable && isRemote(flow) && branch?.startsWith('z9hG4bK');
  return mayComeAgain ? boundedKey(`${flow.id} ${branch}`) : undefined;
}
