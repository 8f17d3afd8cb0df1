// One event stream: the rooms that its reader is in, and what was sent of each.
import { once } from 'node:events';
import type { Logger } from '@linchpin/host';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import { type Chat, ChatError, type Participant, type Participation, type Post } from '../chat.ts';
import type { Identity } from './authentication.ts';
import { readPositions, writePositions } from './positions.ts';
import { type Fields, fieldsOf, type PublicEvent, postEvent, publicFields } from './public-events.ts';
import type { Ask } from './route.ts';
import type { StreamLimits } from './streams.ts';
import type { WebTelemetry } from './telemetry.ts';

export interface StreamParts {
  chat: Pick<Chat, 'join' | 'history'>;
  limits: StreamLimits;
  telemetry: WebTelemetry;
  log: Logger;
  ask: Ask;
}

export interface Stream {
  readonly identity: Identity;
  /** All rooms, or none: rejects with why not. */
  join(rooms: readonly string[]): Promise<void>;
  /** Sends until it is over; never rejects. */
  run(): Promise<void>;
  beat(): void;
  /** Says why, and ends when the reader has taken what there is. */
  end(why: string): void;
  /** At once. */
  cut(why: string): void;
}

interface Joined {
  participation: Participation;
  /** What happened before its turn came; undefined once events go straight out. */
  waiting: ChatEvent[] | undefined;
  ended: string | undefined;
  /** What it has become meanwhile. */
  roster?: { now: readonly Participant[] | undefined };
}

const PAGE = 100;
/** Events of one room that happen while its reader is still given what it missed. */
const MOST_WAITING = 10_000;
/** Milliseconds after which a reader that was cut off comes back; not all of them at once. */
const retryAfter = (): number => 1000 + Math.floor(Math.random() * 2000);

export function createStream({ chat, limits, telemetry, log, ask }: StreamParts): Stream {
  const { caller, identity, request, response } = ask;
  const before = readPositions(lastEventId(request.headers['last-event-id']));
  const rooms = new Map<string, Joined>();
  const positions = new Map<string, number>();
  const gone = Promise.withResolvers<void>();
  let over = false;
  let catchingUp = true;
  let blockedSince: number | undefined;
  response.once('close', () => gone.resolve());
  response.on('drain', () => {
    blockedSince = undefined;
  });

  async function joinRoom(name: string): Promise<void> {
    const joined: Joined = { participation: undefined as never, waiting: [], ended: undefined };
    joined.participation = await chat.join(caller, name, {
      onEvents: (events) => take(joined, events),
      onRoster: (roster) => sayRoster(joined, roster),
      onEnded: (why) => leave(joined, why),
    });
    const { id } = joined.participation.room;
    // Named twice, by its id and by its name.
    if (rooms.has(id)) await joined.participation.part();
    else rooms.set(id, joined);
  }

  async function join(names: readonly string[]): Promise<void> {
    const results = await Promise.allSettled(names.map(joinRoom));
    const refused = results.find((result) => result.status === 'rejected');
    if (refused === undefined && !response.destroyed) return;
    await partAll();
    if (refused) throw refused.reason;
  }

  async function partAll(): Promise<void> {
    const parting = [...rooms.values()].filter(({ ended }) => ended === undefined);
    rooms.clear();
    for (const { participation } of parting)
      await participation.part().catch((error) => log.warn({ err: error }, 'could not leave a room'));
  }

  function write(text: string): void {
    if (over || response.destroyed) return;
    if (response.write(text)) return;
    blockedSince ??= performance.now();
    if (!catchingUp && response.writableLength > limits.bufferedBytes) cut('slow');
  }

  /** What is given at the beginning goes at the reader's pace. */
  async function taken(): Promise<void> {
    if (response.writableNeedDrain && !response.destroyed)
      await Promise.race([once(response, 'drain'), gone.promise]);
  }

  function sendFields({ event, text }: Fields, id?: string): void {
    write(id === undefined ? `${text}\n` : `id: ${id}\n${text}\n`);
    telemetry.sentEvents.inc({ event });
  }

  const send = (event: PublicEvent, id?: string): void => sendFields(fieldsOf(event), id);

  /** Moves on even where the reader is told nothing: it need not be given that stretch again. */
  function sendAt(room: string, seq: number, fields: Fields | undefined): void {
    if (seq > (positions.get(room) ?? 0)) positions.set(room, seq);
    if (fields) sendFields(fields, writePositions(room, positions));
  }

  function take(joined: Joined, events: readonly ChatEvent[]): void {
    if (joined.waiting) wait(joined.waiting, events);
    else for (const event of events) sendAt(event.scope, event.seq, publicFields(event));
  }

  function wait(waiting: ChatEvent[], events: readonly ChatEvent[]): void {
    for (const event of events) waiting.push(event);
    if (waiting.length > MOST_WAITING) cut('slow');
  }

  function leave(joined: Joined, why: string): void {
    joined.ended = why;
    if (joined.waiting === undefined) sayEnded(joined, why);
  }

  function sayRoster(joined: Joined, roster: readonly Participant[] | undefined): void {
    if (joined.waiting) joined.roster = { now: roster };
    else
      send({ event: 'roster', data: { room: joined.participation.room.id, roster: roster && [...roster] } });
  }

  function sayEnded({ participation: { room } }: Joined, why: string): void {
    send({ event: 'ended', data: { room: room.id, why } });
    rooms.delete(room.id);
    if (rooms.size === 0) finish();
  }

  function finish(): void {
    over = true;
    response.end();
  }

  async function begin(joined: Joined): Promise<void> {
    const { room, history, roster } = joined.participation;
    const missedFrom = positions.get(room.id);
    const data = { room, roster, history: missedFrom === undefined ? history : undefined };
    if (missedFrom === undefined) positions.set(room.id, room.lastSeq);
    send({ event: 'joined', data }, writePositions(room.id, positions));
    await taken();
    if (missedFrom !== undefined) await resume(room.id, missedFrom, room.lastSeq);
    for (const event of joined.waiting ?? []) sendAt(event.scope, event.seq, publicFields(event));
    joined.waiting = undefined;
    if (joined.roster) sayRoster(joined, joined.roster.now);
    if (joined.ended !== undefined) sayEnded(joined, joined.ended);
  }

  /** Posts with numbers from `after` + 1 to `until`, out of history. */
  async function resume(room: string, after: number, until: number): Promise<void> {
    let from = after;
    for (let given = 0; from < until && !over && !response.destroyed; ) {
      const limit = Math.min(PAGE, limits.resumedPosts - given);
      const page = limit > 0 ? await missed(room, from, limit) : undefined;
      if (page === undefined) {
        send({ event: 'gap', data: { room, after: from, until } });
        break;
      }
      for (const post of page.filter(({ seq }) => seq <= until))
        sendAt(room, post.seq, fieldsOf(postEvent(post)));
      await taken();
      given += page.length;
      from = page.length < limit ? until : (page.at(-1)?.seq ?? until);
    }
    positions.set(room, Math.max(until, positions.get(room) ?? 0));
  }

  /** Undefined where the room keeps no history for whoever comes later. */
  async function missed(room: string, after: number, limit: number): Promise<Post[] | undefined> {
    try {
      const posts = await chat.history(caller, room, { after, limit });
      return posts.sort((one, other) => one.seq - other.seq);
    } catch (error) {
      if (error instanceof ChatError && error.code === 'forbidden') return undefined;
      throw error;
    }
  }

  function cut(why: string): void {
    if (!over) telemetry.endedStreams.inc({ why });
    over = true;
    response.destroy();
  }

  function end(why: string): void {
    if (over) return;
    telemetry.endedStreams.inc({ why });
    send({ event: 'ended', data: { why } });
    finish();
  }

  function open(): void {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    write(`retry: ${retryAfter()}\n\n`);
    for (const { participation } of rooms.values()) {
      const { id, lastSeq } = participation.room;
      const known = before(id);
      if (known !== undefined) positions.set(id, Math.min(known, lastSeq));
    }
  }

  return {
    identity,
    join,
    async run() {
      if (!over) open();
      try {
        for (const joined of [...rooms.values()]) if (!over) await begin(joined);
        catchingUp = false;
      } catch (error) {
        log.warn({ err: error }, 'could not give a reader what it missed');
        cut('failed');
      }
      if (!response.destroyed && !response.closed) await gone.promise;
      over = true;
      await partAll();
    },
    beat() {
      const blocked = blockedSince === undefined ? 0 : performance.now() - blockedSince;
      if (blocked > limits.idleSeconds * 1000) cut('slow');
      else write(': \n\n');
    },
    end,
    cut,
  };
}

/** EventSource sends it as UTF-8; ours has only ASCII. */
const lastEventId = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(',') : value;
