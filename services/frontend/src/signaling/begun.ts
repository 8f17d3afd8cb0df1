import type { Flow, SipRequest } from '@linchpin/sip';
import { createGenerations } from './generations.ts';
import { isRemote } from './remote-flow.ts';

/** A copy comes at most so long after what it is a copy of. */
const LATEST_COPY_MS = 10_000;
const CAPACITY = 100_000;

/**
 * Which requests were begun here. Where a connection ends, a request without an answer is passed on once more; several Front Ends may
 * then hold a copy, and bring them one after the other. While its transaction lives a copy is known by that, and over reliable
 * transports it ends with its answer (RFC 3261 17.2.2, timer J).
 */
export function createBegun(now = () => performance.now()) {
  const begun = createGenerations<true>(LATEST_COPY_MS, CAPACITY, now);

  /** False for a copy of what was begun before. */
  return function isFirst({ via: { branch } }: SipRequest, flow: Flow): boolean {
    if (!flow.reliable || !isRemote(flow) || !branch?.startsWith('z9hG4bK')) return true;
    const key = `${flow.id} ${branch}`;
    if (begun.get(key)) return false;
    begun.set(key, true);
    return true;
  };
}
