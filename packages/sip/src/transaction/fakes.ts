import { SipRequest } from '../message/request.ts';
import type { Flow, TransportName } from '../transport/flow.ts';
import type { Clock } from './clock.ts';

/** For tests: time that stands still until it is moved. */
export interface FakeClock extends Clock {
  /** Fires what comes due on the way, in order. Milliseconds. */
  advance(milliseconds: number): void;
  /** Timeouts that are armed. */
  readonly armed: number;
}

export function createFakeClock(): FakeClock {
  let now = 1000;
  const timeouts = new Set<{ at: number; callback: () => void }>();
  return {
    now: () => now,
    setTimeout(callback, milliseconds) {
      const timeout = { at: now + milliseconds, callback };
      timeouts.add(timeout);
      return timeout;
    },
    clearTimeout: (handle) => void timeouts.delete(handle as never),
    advance(milliseconds) {
      const end = now + milliseconds;
      for (;;) {
        const [next] = [...timeouts].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timeouts.delete(next);
        now = next.at;
        next.callback();
      }
      now = end;
    },
    get armed() {
      return timeouts.size;
    },
  };
}

/** For tests: a flow that keeps what is sent. */
export interface FakeFlow extends Flow {
  readonly sent: string[];
  /** Sends fail from now on. */
  broken: boolean;
}

export function createFakeFlow(transport: TransportName, port = 5555): FakeFlow {
  const listeners = new Set<(reason: string) => void>();
  let closed = false;
  const flow: FakeFlow = {
    id: `${transport}/server/client:${port}`,
    transport,
    reliable: transport !== 'udp',
    remote: { address: '192.0.2.7', port },
    local: { address: '192.0.2.1', port: 5060 },
    sentBy: 'proxy.contoso.lab:5060',
    identity: '',
    get closed() {
      return closed;
    },
    sent: [],
    broken: false,
    send(bytes) {
      if (closed || flow.broken) return false;
      flow.sent.push(Buffer.from(bytes).toString('latin1'));
      return true;
    },
    close(reason) {
      closed = true;
      for (const listener of listeners) listener(reason);
    },
    onClose(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  return flow;
}

export interface RequestParts {
  branch?: string;
  sentBy?: string;
  seq?: number;
  toTag?: string;
  callId?: string;
  uri?: string;
}

/** For tests: a request as it arrives at a server. */
export function incoming(method: string, parts: RequestParts = {}): SipRequest {
  const { branch = 'z9hG4bK-1', sentBy = 'client.contoso.lab:5555', seq = 1, callId = 'call-1' } = parts;
  const toTag = parts.toTag === undefined ? '' : `;tag=${parts.toTag}`;
  return SipRequest.create(method, parts.uri ?? 'sip:bob@contoso.lab', [
    ['Via', `SIP/2.0/UDP ${sentBy}${branch === '' ? '' : `;branch=${branch}`}`],
    ['Max-Forwards', '70'],
    ['From', '<sip:alice@contoso.lab>;tag=a'],
    ['To', `<sip:bob@contoso.lab>${toTag}`],
    ['Call-ID', callId],
    ['CSeq', `${seq} ${method}`],
  ]);
}
