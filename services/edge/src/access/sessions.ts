import { randomBytes } from 'node:crypto';
import { createUnderWay, type Flow, type UnderWay } from '@linchpin/sip';

/** A remote client's connection as the rest of the system knows it. */
export interface Session {
  /** "edge-0/k3x9.17": names pod and connection, never used twice, also not after a restart. */
  readonly token: string;
  readonly flow: Flow;
  readonly openedAt: number;
  readonly underWay: UnderWay;
}

export interface Sessions {
  open(flow: Flow): Session;
  of(flow: Flow): Session | undefined;
  find(token: string): Session | undefined;
  all(): Iterable<Session>;
  readonly size: number;
  stop(): void;
}

/** All open connections of this pod, by flow and by token. One that proved no identity in time is closed. */
export function createSessions(pod: string, signInMilliseconds: number): Sessions {
  const byFlow = new Map<Flow, Session>();
  const byToken = new Map<string, Session>();
  const epoch = randomBytes(4).toString('hex');
  let count = 0;

  function open(flow: Flow): Session {
    const token = `${pod}/${epoch}.${++count}`;
    const now = performance.now();
    const session: Session = { token, flow, openedAt: now, underWay: createUnderWay(now) };
    byFlow.set(flow, session);
    byToken.set(token, session);
    return session;
  }

  /** Sessions are kept in the order they opened, so the first young one ends the search. */
  const sweep = setInterval(() => {
    const old = performance.now() - signInMilliseconds;
    for (const session of byFlow.values()) {
      if (session.openedAt > old) break;
      if (session.flow.identity === '') session.flow.close('not signed in in time');
    }
  }, 1000);
  sweep.unref();

  return {
    open(flow) {
      const session = open(flow);
      flow.onClose(() => {
        byFlow.delete(flow);
        byToken.delete(session.token);
      });
      return session;
    },
    of: (flow) => byFlow.get(flow),
    find: (token) => byToken.get(token),
    all: () => byFlow.values(),
    get size() {
      return byFlow.size;
    },
    stop: () => clearInterval(sweep),
  };
}
