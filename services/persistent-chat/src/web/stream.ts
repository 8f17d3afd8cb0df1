// One event stream: the rooms that its reader is in, and what was sent of each.
import { once } from 'node:events';
import type { Logger } from '@linchpin/host';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import {
  type Chat,
  ChatError,
  type HistoryQuery,
  type Participant,
  type Post,
  type RoomView,
} from '../chat.ts';
import type { Identity } from './authentication.ts';
import { readPositions, writePositions } from './positions.ts';
import { type Fields, fieldsOf, type PublicEvent, postEvent, publicFields } from './public-events.ts';
import type { Ask } from './route.ts';
import { createStreamAlerts } from './stream-alerts.ts';
import type { StreamLimits } from './streams.ts';
import type { WebTelemetry } from './telemetry.ts';

export interface StreamParts {
  chat: Pick<Chat, 'join' | 'history' | 'watchAlerts'>;
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

/** A room of the stream; what it begins with is let go once its reader has it. */
interface Joined {
  room: RoomView;
  part: () => Promise<void>;
  begins: Beginning | undefined;
  ended: string | undefined;
}

interface Beginning {
  roster: readonly Participant[] | undefined;
  /** Undefined: not wanted, or there was no place for it, and it is read again when its turn comes. */
  history: Post[] | undefined;
  posts: number;
  /** What happened before its turn came, as it is sent. */
  waiting: { seq: number; fields: Fields | undefined }[];
  /** What the roster has become meanwhile. */
  rosterNow?: { now: readonly Participant[] | undefined };
}

const PAGE = 50;
/** What an event or a post costs beside its text; a guess suffices. */
const OVERHEAD = 200;
/** Milliseconds after which a reader that was cut off comes back; not all of them at once. */
const retryAfter = (): number => 1000 + Math.floor(Math.random() * 2000);

export function createStream({ chat, limits, telemetry, log, ask }: StreamParts): Stream {
  const { caller, identity, request, response } = ask;
  const before = readPositions(lastEventId(request.headers['last-event-id']));
  const rooms = new Map<string, Joined>();
  const positions = new Map<string, number>();
  const gone = Promise.withResolvers<void>();
  const alerts = createStreamAlerts(chat, caller, (data) => send({ event: 'alert', data }));
  let over = false;
  /** Characters that are kept here until their room's turn comes. */
  let held = 0;
  /** Bytes under way of what is given at the reader's own pace. */
  let paced = 0;
  let blockedSince: number | undefined;
  response.once('close', () => gone.resolve());
  response.on('drain', () => {
    blockedSince = undefined;
  });

  async function joinRoom(name: string): Promise<void> {
    const begins: Beginning = { roster: undefined, history: undefined, posts: 0, waiting: [] };
    const joined: Joined = { room: undefined as never, part: async () => {}, begins, ended: undefined };
    const { room, part, roster, history } = await chat.join(caller, name, {
      onEvents: (events) => take(joined, events),
      onRoster: (now) => sayRoster(joined, now),
      onEnded: (why) => leave(joined, why),
    });
    Object.assign(joined, { room, part });
    // Named twice, by its id and by its name.
    if (rooms.has(room.id)) return part();
    Object.assign(begins, { roster, posts: history.length });
    if (before(room.id) === undefined) keep(begins, history);
    rooms.set(room.id, joined);
  }

  /** With many rooms it is too much for one reader: the rest is read again. Half of the place is for what happens meanwhile. */
  function keep(begins: Beginning, history: Post[]): void {
    const size = sizeOfPosts(history);
    if (held + size > limits.bufferedBytes / 2) return;
    held += size;
    begins.history = history;
  }

  async function join(names: readonly string[]): Promise<void> {
    const results = await Promise.allSettled([alerts.watch(), ...names.map(joinRoom)]);
    const refused = results.find((result) => result.status === 'rejected');
    if (refused === undefined && !response.destroyed) return;
    await partAll();
    if (refused) throw refused.reason;
  }

  async function partAll(): Promise<void> {
    alerts.stop();
    const parting = [...rooms.values()].filter(({ ended }) => ended === undefined);
    rooms.clear();
    for (const { part } of parting)
      await part().catch((error) => log.warn({ err: error }, 'could not leave a room'));
  }

  function write(text: string): void {
    if (over || response.destroyed) return;
    if (response.write(text)) return;
    blockedSince ??= performance.now();
    if (response.writableLength > limits.bufferedBytes + paced) cut('slow');
  }

  function sendFields({ event, text }: Fields, id?: string): void {
    write(id === undefined ? `${text}\n` : `id: ${id}\n${text}\n`);
    telemetry.sentEvents.inc({ event });
  }

  const send = (event: PublicEvent): void => sendFields(fieldsOf(event));

  /** At the reader's pace: resolves when it has taken this, and may be given more. */
  async function give(fields: Fields, id?: string): Promise<void> {
    paced = Buffer.byteLength(fields.text) + OVERHEAD;
    sendFields(fields, id);
    if (response.writableNeedDrain && !response.destroyed)
      await Promise.race([once(response, 'drain'), gone.promise]);
    paced = 0;
  }

  /** Moves on even where the reader is told nothing: it need not be given that stretch again. */
  function moveTo(room: string, seq: number): void {
    if (seq > (positions.get(room) ?? 0)) positions.set(room, seq);
  }

  async function giveAt(room: string, seq: number, fields: Fields | undefined): Promise<void> {
    moveTo(room, seq);
    if (fields) await give(fields, writePositions(room, positions));
  }

  function take({ begins }: Joined, events: readonly ChatEvent[]): void {
    for (const event of events) {
      const fields = publicFields(event);
      if (begins) wait(begins, event.seq, fields);
      else {
        moveTo(event.scope, event.seq);
        if (fields) sendFields(fields, writePositions(event.scope, positions));
      }
    }
  }

  /** Who cannot be given it in time comes back with its last id, and is given it out of history. */
  function wait({ waiting }: Beginning, seq: number, fields: Fields | undefined): void {
    if (over) return;
    waiting.push({ seq, fields });
    held += sizeOf(fields);
    if (held > limits.bufferedBytes) cut('slow');
  }

  function leave(joined: Joined, why: string): void {
    joined.ended = why;
    if (joined.begins === undefined) sayEnded(joined, why);
  }

  function sayRoster({ room, begins }: Joined, now: readonly Participant[] | undefined): void {
    if (begins) begins.rosterNow = { now };
    else send({ event: 'roster', data: { room: room.id, roster: now && [...now] } });
  }

  function sayEnded({ room }: Joined, why: string): void {
    send({ event: 'ended', data: { room: room.id, why } });
    rooms.delete(room.id);
    if (rooms.size === 0) finish();
  }

  function finish(): void {
    over = true;
    response.end();
  }

  async function begin(joined: Joined): Promise<void> {
    const { room, begins } = joined;
    if (begins === undefined) return;
    const missedFrom = positions.get(room.id);
    const history = missedFrom === undefined ? await historyOf(room, begins) : undefined;
    if (missedFrom === undefined) positions.set(room.id, room.lastSeq);
    const fields = fieldsOf({ event: 'joined', data: { room, roster: begins.roster?.slice(), history } });
    await give(fields, writePositions(room.id, positions));
    if (missedFrom !== undefined) await resume(room, missedFrom);
    await giveWaiting(joined, begins);
  }

  async function historyOf(room: RoomView, begins: Beginning): Promise<Post[]> {
    const { history, posts } = begins;
    begins.history = undefined;
    held -= history ? sizeOfPosts(history) : 0;
    if (history !== undefined || posts === 0) return history ?? [];
    return (await posted(room.id, { before: room.lastSeq + 1, limit: posts })) ?? [];
  }

  /** What happens meanwhile waits behind it; from the moment in which nothing does, events go straight out. */
  async function giveWaiting(joined: Joined, begins: Beginning): Promise<void> {
    const { waiting } = begins;
    for (let next = waiting.shift(); next !== undefined && !over; next = waiting.shift()) {
      held -= sizeOf(next.fields);
      await giveAt(joined.room.id, next.seq, next.fields);
    }
    joined.begins = undefined;
    if (begins.rosterNow) sayRoster(joined, begins.rosterNow.now);
    if (joined.ended !== undefined) sayEnded(joined, joined.ended);
  }

  /** Posts that came after `after`, and before it joined, out of history. */
  async function resume({ id, lastSeq: until, chatHistory }: RoomView, after: number): Promise<void> {
    let from = after;
    for (let given = 0; from < until && !over && !response.destroyed; ) {
      const limit = chatHistory ? Math.min(PAGE, limits.resumedPosts - given) : 0;
      const page = limit > 0 ? await posted(id, { after: from, limit }) : undefined;
      if (page === undefined) {
        send({ event: 'gap', data: { room: id, after: from, until, kept: chatHistory } });
        break;
      }
      for (const post of page)
        if (post.seq <= until && !over) await giveAt(id, post.seq, fieldsOf(postEvent(post)));
      given += page.length;
      from = page.length < limit ? until : (page.at(-1)?.seq ?? until);
    }
    moveTo(id, until);
  }

  /** Never rejects. Who is gone meanwhile is given no more. */
  async function catchUp(): Promise<void> {
    try {
      for (const joined of [...rooms.values()]) if (!over) await begin(joined);
    } catch (error) {
      if (!over) log.warn({ err: error }, 'could not give a reader what it missed');
      cut('failed');
    }
  }

  /** In their order. Undefined where the reader may not read them any more. */
  async function posted(room: string, query: HistoryQuery): Promise<Post[] | undefined> {
    try {
      const posts = await chat.history(caller, room, query);
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
    for (const { room } of rooms.values()) {
      const known = before(room.id);
      if (known !== undefined) positions.set(room.id, Math.min(known, room.lastSeq));
    }
    alerts.open();
  }

  return {
    identity,
    join,
    async run() {
      if (!over) open();
      await Promise.race([catchUp(), gone.promise]);
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

const sizeOf = (fields: Fields | undefined): number => OVERHEAD + (fields?.text.length ?? 0);

const sizeOfPosts = (posts: readonly Post[]): number =>
  posts.reduce((sum, { subject = '', body }) => sum + OVERHEAD + subject.length + body.length, 0);

/** EventSource sends it as UTF-8; ours has only ASCII. */
const lastEventId = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(',') : value;
