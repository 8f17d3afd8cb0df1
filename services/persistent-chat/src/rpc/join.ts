// A session in a room as a stream: what is told first, then events as they come, as fast as the caller reads.
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { GetRoomRequest, JoinEvent } from '@linchpin/proto/chat/v1/chat';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import type { Caller, Chat } from '../chat.ts';
import { toJoined } from './messages.ts';

type JoinCall = ServerWritableStream<GetRoomRequest, JoinEvent>;

export async function streamRoom(chat: Pick<Chat, 'join'>, caller: Caller, call: JoinCall): Promise<void> {
  /** What came before the first message was written. */
  const early: ChatEvent[] = [];
  let joined = false;
  let ended: string | undefined;

  const write = (what: JoinEvent['what']): void | Promise<void> => {
    if (call.cancelled || call.destroyed) return;
    if (!call.write({ what })) return drained(call);
  };
  const told = (events: readonly ChatEvent[]) =>
    write({ $case: 'events', value: { events: events.map(textOf) } });

  function end(why: string): void {
    ended = why;
    if (!joined || call.cancelled) return;
    void write({ $case: 'ended', value: why });
    call.end();
  }

  const participation = await chat.join(caller, call.request.room, {
    onEvents(events) {
      if (joined) return told(events);
      early.push(...events);
    },
    onEnded: end,
  });
  call.once('cancelled', () => void participation.part());
  if (call.cancelled) return participation.part();
  void write({ $case: 'joined', value: toJoined(participation) });
  joined = true;
  if (early.length > 0) void told(early);
  if (ended !== undefined) end(ended);
}

/** All sessions of a room are told of the same objects. */
const texts = new WeakMap<ChatEvent, string>();

function textOf(event: ChatEvent): string {
  const known = texts.get(event);
  if (known !== undefined) return known;
  const text = JSON.stringify(event);
  texts.set(event, text);
  return text;
}

/** Resolves when there is place again, or nobody who reads. */
function drained(call: JoinCall): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off('drain', done);
      call.off('close', done);
      call.off('cancelled', done);
      resolve();
    };
    call.on('drain', done);
    call.on('close', done);
    call.on('cancelled', done);
  });
}
