// Who waits for alerts, here and on other pods: a subject of NATS for each user who waits here.
import type { Logger, NatsLink } from '@linchpin/host';
import { alertSubject } from '@linchpin/proto/subjects';
import { headers, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import type { Alert } from '../chat.ts';
import { POD_HEADER } from '../queue.ts';

export interface Readers {
  /** Resolves when nothing that is told from now on is missed, or when NATS is away, with the way to stop. */
  watch(user: string, listener: (alert: Alert) => void): Promise<() => void>;
  /** Wherever the user waits; nobody keeps it. */
  tell(user: string, alert: Alert): void;
  start(): void;
  stop(): void;
}

export interface ReadersParts {
  nats: Pick<NatsLink, 'connected' | 'onConnected'>;
  pod: string;
  log: Logger;
}

interface Reader {
  listeners: Set<{ tell(alert: Alert): void }>;
  subscription: Subscription | undefined;
}

const FLUSH_MS = 1_000;

export function createReaders({ nats, pod, log }: ReadersParts): Readers {
  const readers = new Map<string, Reader>();
  let connection: NatsConnection | undefined;
  let off = (): void => {};

  function subscribe(user: string): Subscription | undefined {
    return connection?.subscribe(alertSubject(user), {
      callback: (error, message) => {
        if (error) log.warn({ err: error }, 'alerts are not heard of for now');
        else receive(user, message);
      },
    });
  }

  function receive(user: string, message: Msg): void {
    // Those who wait here were told.
    if (message.headers?.get(POD_HEADER) === pod) return;
    try {
      tellHere(user, message.json<Alert>());
    } catch (error) {
      log.warn({ err: error }, 'this is no alert');
    }
  }

  function tellHere(user: string, alert: Alert): void {
    for (const listener of [...(readers.get(user)?.listeners ?? [])]) listener.tell(alert);
  }

  function onConnected(current: NatsConnection): void {
    // The same one again where the client has restored it, with its subscriptions.
    if (current === connection) return;
    connection = current;
    for (const [user, reader] of readers) reader.subscription = subscribe(user);
  }

  async function flushed(): Promise<void> {
    if (connection === undefined || !nats.connected) return;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, FLUSH_MS);
    await Promise.race([connection.flush().catch(() => {}), late.promise]);
    clearTimeout(timer);
  }

  function leave(user: string): void {
    const subscription = readers.get(user)?.subscription;
    readers.delete(user);
    if (subscription && !subscription.isClosed()) subscription.unsubscribe();
  }

  return {
    async watch(user, listener) {
      const reader = readers.get(user) ?? { listeners: new Set(), subscription: subscribe(user) };
      readers.set(user, reader);
      const own = { tell: listener };
      reader.listeners.add(own);
      await flushed();
      return () => {
        reader.listeners.delete(own);
        if (reader.listeners.size === 0 && readers.get(user) === reader) leave(user);
      };
    },
    tell(user, alert) {
      tellHere(user, alert);
      if (connection === undefined || !nats.connected) return;
      const fields = headers();
      fields.set(POD_HEADER, pod);
      connection.publish(alertSubject(user), JSON.stringify(alert), { headers: fields });
    },
    start() {
      off = nats.onConnected(onConnected);
    },
    stop() {
      off();
      for (const user of [...readers.keys()]) leave(user);
    },
  };
}
