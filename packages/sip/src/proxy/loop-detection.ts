import { randomBytes, randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { SipRequest } from '../message/request.ts';

/**
 * Via branches by which a proxy knows a request again (RFC 3261 16.6 step 8 as replaced by RFC 5393 4.2.1):
 * cookie and name of this proxy, a mark of what routes the request, and a part that never comes twice.
 */
export interface LoopDetection {
  /** Of a request as it was received. */
  mark(received: SipRequest): string;
  /** `unique` is made up when left out. */
  branch(mark: string, unique?: string): string;
  /** RFC 5393 4.2.2: it was here before, and nothing that decides its way has changed since. */
  hasLooped(received: SipRequest): boolean;
}

export function createLoopDetection(): LoopDetection {
  // By this the proxy finds its own Via whatever sent-by the flow gave it, and without parsing the others (RFC 5393 4.2.4).
  const own = `z9hG4bK${randomBytes(6).toString('hex')}.`;
  return {
    mark: routingMark,
    branch: (mark, unique = randomPart()) => `${own}${mark}.${unique}`,
    hasLooped(received) {
      const passed = received.getAll('via').filter((value) => value.includes(own));
      if (passed.length === 0) return false;
      const again = `${own}${routingMark(received)}.`;
      return passed.some((value) => value.includes(again));
    },
  };
}

/** 74 random bits, which Node draws from a stock: eight times as fast as randomBytes. */
function randomPart(): string {
  return randomUUID().slice(0, 23);
}

const marked = ['from', 'to', 'call-id', 'route', 'proxy-require', 'proxy-authorization'];

/**
 * Of what the way depends on, and of the rest against collisions (RFC 5393 4.2.4); never of the method, for CANCEL has the
 * same branch. Header text as it is, so that nothing malformed can get in the way.
 */
function routingMark(received: SipRequest): string {
  const seq = Number.parseInt(received.get('cseq') ?? '', 10);
  const text = [received.uri, seq, ...marked.flatMap((name) => received.getAll(name))].join('\n');
  return crc32(text).toString(16).padStart(8, '0');
}
