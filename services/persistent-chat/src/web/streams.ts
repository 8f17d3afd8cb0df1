// Event streams of people's clients: all that are open at this pod.
import type { Socket } from 'node:net';
import type { Logger } from '@linchpin/host';
import { type Chat, ChatError } from '../chat.ts';
import type { TakeRooms } from '../room-rate.ts';
import type { Ask } from './route.ts';
import { createStream, type Stream } from './stream.ts';
import type { WebTelemetry } from './telemetry.ts';

export interface StreamLimits {
  rooms: number;
  perUser: number;
  heartbeatSeconds: number;
  bufferedBytes: number;
  resumedPosts: number;
  /** A reader that takes nothing for so long is gone. */
  idleSeconds: number;
}

export interface StreamsParts {
  /** Joins cost nothing here: all rooms of a stream are taken before the first. */
  chat: Pick<Chat, 'join' | 'history' | 'watchAlerts'>;
  /** Throws `limit` for who opens rooms too fast. */
  takeRooms: TakeRooms;
  limits: StreamLimits;
  /** Whether somebody who was let in would be let in now. */
  isAllowed(user: string): boolean;
  telemetry: WebTelemetry;
  log: Logger;
}

export interface Streams {
  readonly size: number;
  /** Resolves when the stream is over. Rejects, with nothing sent yet, where the caller may not be in one of the rooms. */
  open(ask: Ask, rooms: readonly string[]): Promise<void>;
  /** Whether the connection carries a stream. */
  isOn(socket: Socket): boolean;
  /** Ends the stream of a connection; who reads it comes back elsewhere. */
  endOn(socket: Socket, why: string): void;
  /** From now on there are no new ones. */
  refuse(why: string): void;
  stop(): void;
}

export function createStreams({ chat, takeRooms, limits, isAllowed, telemetry, log }: StreamsParts): Streams {
  const streams = new Map<Socket, Stream>();
  const perUser = new Map<string, number>();
  let ending: string | undefined;
  const heart = setInterval(beat, limits.heartbeatSeconds * 1000).unref();

  function beat(): void {
    const now = Date.now();
    for (const stream of streams.values()) {
      const { user, expiresAt = Number.POSITIVE_INFINITY } = stream.identity;
      if (expiresAt <= now) stream.end('token-expired');
      else if (!isAllowed(user)) stream.end('not-allowed');
      else stream.beat();
    }
  }

  function enter(user: string): void {
    const open = perUser.get(user) ?? 0;
    if (open >= limits.perUser)
      throw new ChatError('limit', `a user may have ${limits.perUser} event streams at this pod`, 5);
    perUser.set(user, open + 1);
  }

  function leave(user: string): void {
    const open = (perUser.get(user) ?? 1) - 1;
    if (open === 0) perUser.delete(user);
    else perUser.set(user, open);
  }

  async function serve(ask: Ask, rooms: readonly string[]): Promise<void> {
    const stream = createStream({ chat, limits, telemetry, log, ask });
    await stream.join(rooms);
    const { socket } = ask.request;
    streams.set(socket, stream);
    telemetry.streams.set(streams.size);
    try {
      await stream.run();
    } finally {
      streams.delete(socket);
      telemetry.streams.set(streams.size);
    }
  }

  return {
    get size() {
      return streams.size;
    },
    async open(ask, rooms) {
      if (ending !== undefined) throw new ChatError('unavailable', 'this pod is about to end', 1);
      if (rooms.length > limits.rooms)
        throw new ChatError('invalid', `room: a stream may have ${limits.rooms} rooms`);
      const { user } = ask.identity;
      enter(user);
      try {
        const named = [...new Set(rooms)];
        takeRooms(ask.caller, named.length);
        await serve(ask, named);
      } finally {
        leave(user);
      }
    },
    isOn: (socket) => streams.has(socket),
    endOn: (socket, why) => streams.get(socket)?.end(why),
    refuse(why) {
      ending = why;
    },
    stop() {
      clearInterval(heart);
      ending ??= 'stopped';
      for (const stream of streams.values()) stream.cut('stopped');
    },
  };
}
