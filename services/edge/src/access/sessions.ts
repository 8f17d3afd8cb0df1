import { randomBytes } from 'node:crypto';
import { type BucketLimits, createBuckets } from '@linchpin/host';
import type { Flow } from '@linchpin/sip';

/** A remote client's connection as the rest of the system knows it. */
export interface Session {
  /** "edge-0/k3x9.17": names pod and connection, never used twice, also not after a restart. */
  readonly token: string;
  readonly flow: Flow;
  readonly openedAt: number;
  /** Takes one message's worth of its rate. */
  admit(): boolean;
}

export interface SessionLimits {
  messages: BucketLimits;
  /** A connection that proved no identity by then is closed. */
  signInMilliseconds: number;
}

export interface Sessions {
  open(flow: Flow): Session;
  of(flow: Flow): Session | undefined;
  find(token: string): Session | undefined;
  readonly size: number;
  all(): Iterable<Session>;
  stop(): void;
}

/** All open connections of this pod, by flow and by token. */
export function createSessions(
  pod: string,
  limits: SessionLimits,
  onExpired: (session: Session) => void,
): Sessions {
  const byFlow = new Map<Flow, Session>();
  const byToken = new Map<string, Session>();
  const epoch = randomBytes(4).toString('hex');
  const rate = createBuckets(limits.messages);
  let count = 0;

  function open(flow: Flow): Session {
    const token = `${pod}/${epoch}.${++count}`;
    const session: Session = { token, flow, openedAt: Date.now(), admit: () => rate.take(token) };
    byFlow.set(flow, session);
    byToken.set(token, session);
    return session;
  }

  /** Sessions are kept in the order they opened, so the first young one ends the search. */
  const sweep = setInterval(() => {
    const old = Date.now() - limits.signInMilliseconds;
    for (const session of byFlow.values()) {
      if (session.openedAt > old) break;
      if (session.flow.identity === '') onExpired(session);
    }
  }, 1000);
  sweep.unref();

  return {
    open(flow) {
      const session = open(flow);
      flow.onClose(() => {
        byFlow.delete(flow);
        byToken.delete(session.token);
        rate.forget(session.token);
      });
      return session;
    },
    of: (flow) => byFlow.get(flow),
    find: (token) => byToken.get(token),
    get size() {
      return byFlow.size;
    },
    all: () => byFlow.values(),
    stop: () => clearInterval(sweep),
  };
}
