// What other pods publish of the rooms that have sessions here: one subscription for each.
import type { Logger, NatsLink } from '@linchpin/host';
import { type ChatEvent, chatEventSubject } from '@linchpin/proto/chat-events';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { POD_HEADER } from '../queue.ts';

export interface Feed {
  /** Resolves when nothing that is published from now on is missed, or when NATS is away. */
  follow(room: string): Promise<void>;
  unfollow(room: string): void;
  start(): void;
  stop(): void;
}

export interface FeedParts {
  nats: NatsLink;
  pod: string;
  onEvents(room: string, events: readonly ChatEvent[]): void;
  /** NATS was away: something may have been missed. */
  onReturn(): void;
  log: Logger;
}

const FLUSH_MS = 1_000;

export function createFeed({ nats, pod, onEvents, onReturn, log }: FeedParts): Feed {
  const rooms = new Map<string, Subscription | undefined>();
  let connection: NatsConnection | undefined;
  let unsubscribe = (): void => {};

  function subscribe(room: string): Subscription | undefined {
    return connection?.subscribe(chatEventSubject(room), {
      callback: (error, message) => {
        if (error) log.warn({ err: error, room }, 'a room is not heard of for now');
        else receive(room, message);
      },
    });
  }

  function receive(room: string, message: Msg): void {
    // What was stored here was told here.
    if (message.headers?.get(POD_HEADER) === pod) return;
    try {
      onEvents(room, message.json<ChatEvent[]>());
    } catch (error) {
      log.warn({ err: error, room }, 'this is not what happens in rooms');
    }
  }

  function onConnected(current: NatsConnection): void {
    if (current !== connection) {
      connection = current;
      for (const room of rooms.keys()) rooms.set(room, subscribe(room));
    }
    onReturn();
  }

  return {
    async follow(room) {
      rooms.set(room, subscribe(room));
      if (connection === undefined || !nats.connected) return;
      // Should it be lost in this moment, what is missed is read when it is back.
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, FLUSH_MS);
      await Promise.race([connection.flush().catch(() => {}), late.promise]);
      clearTimeout(timer);
    },
    unfollow(room) {
      const subscription = rooms.get(room);
      rooms.delete(room);
      if (subscription && !subscription.isClosed()) subscription.unsubscribe();
    },
    start() {
      unsubscribe = nats.onConnected(onConnected);
    },
    stop() {
      unsubscribe();
      for (const room of [...rooms.keys()]) {
        const subscription = rooms.get(room);
        rooms.delete(room);
        if (subscription && !subscription.isClosed()) subscription.unsubscribe();
      }
    },
  };
}
