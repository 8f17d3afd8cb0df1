import type { NatsLink } from '@linchpin/host';
import {
  createInbox,
  headers,
  type Msg,
  type NatsConnection,
  type Subscription,
} from '@nats-io/transport-node';

/** NATS gave no answer. Where the request was `sent`, nobody knows whether it was carried out. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
  readonly sent: boolean;
  constructor(reason: string, sent: boolean) {
    super(reason);
    this.sent = sent;
  }
}

export interface NatsRequest {
  subject: string;
  payload: string;
  headers?: Iterable<[string, string]>;
  /** Fails at once where there is no connection. */
  onlyNow?: boolean;
}

export interface Requests {
  /** Waits for a connection where there is none. Rejects with Unanswered after `timeout` milliseconds. */
  send(request: NatsRequest, timeout: number): Promise<Msg>;
  close(): void;
}

interface Waiting {
  request: NatsRequest;
  sent: boolean;
  /** performance.now(): a clock that is set back must not keep everybody waiting. */
  deadline: number;
  resolve(message: Msg): void;
  reject(error: Unanswered): void;
}

const SWEEP_MS = 50;
/** What a Front End may listen to, see `NatsLinkOptions.role`. */
export const INBOX = '_INBOX.frontend';

/**
 * Requests over NATS with one subscription for all answers and one timer for all timeouts. The client library's own
 * JetStream publish costs four times the processor time, and each sign-in pays it.
 */
export function createRequests(nats: NatsLink): Requests {
  const waiting = new Map<number, Waiting>();
  let connection: NatsConnection | undefined;
  let answers: Subscription | undefined;
  let inbox = '';
  let lastId = 0;
  /** What came up in this turn of the event loop leaves in one piece: one TLS record and one system call for all. */
  const turn: number[] = [];

  function answered(_error: Error | null, message: Msg): void {
    const id = Number(message.subject.slice(inbox.length + 1));
    waiting.get(id)?.resolve(message);
    waiting.delete(id);
  }

  function publish(id: number, waiter: Waiting): void {
    // A client that is reconnecting would hold it back and send it later, maybe long after we have told that it failed.
    const { subject, payload, headers, onlyNow } = waiter.request;
    if (!connection || !nats.connected) {
      if (onlyNow) throw new Error('NATS is away');
      return;
    }
    waiter.sent = true;
    connection.publish(subject, payload, {
      reply: `${inbox}.${id}`,
      ...(headers && { headers: packed(headers) }),
    });
  }

  function attach(next: NatsConnection): void {
    if (next !== connection || answers?.isClosed()) {
      inbox = createInbox(INBOX);
      connection = next;
      answers = next.subscribe(`${inbox}.*`, { callback: answered });
    }
    for (const [id, waiter] of waiting) if (!waiter.sent) tryToPublish(id, waiter);
  }

  function publishSoon(id: number): void {
    if (turn.length === 0) setImmediate(publishTurn);
    turn.push(id);
  }

  function publishTurn(): void {
    for (const id of turn.splice(0)) {
      const waiter = waiting.get(id);
      if (waiter && !waiter.sent) tryToPublish(id, waiter);
    }
  }

  /** The client throws for what is larger than NATS takes, and when it was closed; nobody above would catch it. */
  function tryToPublish(id: number, waiter: Waiting): void {
    try {
      publish(id, waiter);
    } catch (error) {
      waiting.delete(id);
      waiter.reject(new Unanswered((error as Error).message, false));
    }
  }

  function give(up: (waiter: Waiting) => boolean, reason: string): void {
    for (const [id, waiter] of waiting) {
      if (!up(waiter)) continue;
      waiting.delete(id);
      waiter.reject(new Unanswered(reason, waiter.sent));
    }
  }

  function sweep(): void {
    if (waiting.size === 0) return;
    const now = performance.now();
    give((waiter) => waiter.deadline <= now, 'NATS gave no answer in time');
  }

  const sweeper = setInterval(sweep, SWEEP_MS).unref();
  const stops = [
    nats.onConnected(attach),
    nats.onDisconnected(() => give((waiter) => waiter.sent, 'the connection to NATS broke')),
  ];

  return {
    send(request, timeout) {
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        const waiter = { request, sent: false, deadline: performance.now() + timeout, resolve, reject };
        waiting.set(id, waiter);
        publishSoon(id);
      });
    },
    close() {
      clearInterval(sweeper);
      for (const stop of stops) stop();
      answers?.unsubscribe();
      give(() => true, 'closing');
    },
  };
}

function packed(entries: Iterable<[string, string]>) {
  const all = headers();
  for (const [name, value] of entries) all.set(name, value);
  return all;
}
