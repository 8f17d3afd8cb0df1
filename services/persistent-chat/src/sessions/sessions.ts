// People in rooms, and what they are told of them.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger, NatsLink } from '@linchpin/host';
import type { PersistentChatConfigurationSpec } from '@linchpin/topology';
import type { Access, AccessNotice } from '../access/access.ts';
import { type Caller, type Chat, ChatError, type Participation, type RoomListener } from '../chat.ts';
import type { Database } from '../database/database.ts';
import type { Journal } from '../journal/journal.ts';
import { demand } from '../rights.ts';
import type { TakeRooms } from '../room-rate.ts';
import { type AttendanceCheckParts, createAttendanceCheck } from './attendance.ts';
import { createFeed } from './feed.ts';
import { createHub, type Hub } from './hub.ts';
import { readMissing } from './missing.ts';
import { type Attendance, readAttendance } from './participants.ts';
import { createPresence, type Joined, type PresenceParts } from './presence.ts';
import type { Session } from './session.ts';

export interface Sessions extends Pick<Chat, 'join'> {
  /** The same where it costs nothing: a pod brings people back into their rooms, at its own pace, or what it costs was taken before. */
  rejoin: Chat['join'];
  /** Sessions on this pod, and rooms that they are in. */
  counts(): { sessions: number; rooms: number };
  start(): void;
  /** Everybody is told to go elsewhere (`moved`), and has left when it resolves. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

export interface SessionsParts {
  nats: NatsLink;
  /** The name of this pod. */
  pod: string;
  database: Database;
  journal: Journal;
  access: Access;
  members: AttendanceCheckParts['members'] & { onChange(listener: () => void): () => void };
  messages: Pick<PresenceParts, 'newest' | 'unreadOf'>;
  limits(): Pick<PersistentChatConfigurationSpec, 'rosterLimit'>;
  /** Throws `limit` for who joins rooms too fast. */
  takeRooms: TakeRooms;
  log: Logger;
}

/** How often it is asked whether something was missed of which nothing came afterwards. */
const LOOK_MS = 5_000;
const LOOK_AWAY_MS = 1_000;
/** Looks after which pods have surely heard of each other. */
const DOUBT = 3;
const TURNS_BETWEEN_CHECKS = 12;
/** Rooms of which the last number is asked for in one go. */
const LOOKED_AT_ONCE = 1_000;
const nobody: ReadonlySet<string> = new Set();

export function createSessions(parts: SessionsParts): Sessions {
  const { nats, pod, database, journal, access, members, messages, limits, log } = parts;
  const stopping = new AbortController();
  const rooms = new Map<string, Room>();
  const rosterLimit = () => limits().rosterLimit;
  const presence = createPresence({ ...messages, pod, database, journal, access, rosterLimit, log });
  const attendance = createAttendanceCheck({
    ...{ pod, database, members, presence, log },
    rooms: () => [...rooms.keys()],
    isHere: ({ room, member }) => rooms.get(room)?.people.has(member) === true,
    joined: (room) => rooms.get(room)?.joined ?? nobody,
  });
  const feed = createFeed({
    nats,
    pod,
    onEvents: (room, events) => rooms.get(room)?.hub.receive(events),
    // Others may have taken this pod for dead, and may not know yet that it is not.
    onReturn() {
      doubt = DOUBT;
      look.now();
    },
    log,
  });
  let refused = '';
  let ends: (() => void)[] = [];
  let looking: Promise<void> | undefined;
  /** So many more looks at the rows of this pod: they and its sessions may differ. */
  let doubt = DOUBT;
  let turn = 0;
  const look = createWaker();

  interface Room {
    hub: Hub;
    followed: Promise<void>;
    category: string;
    /** Sessions by member, also of those who are about to join. */
    people: Map<string, number>;
    /** Those of them who have joined. */
    joined: Set<string>;
  }

  function roomOf(id: string, category: string): Room {
    const known = rooms.get(id);
    if (known !== undefined) return known;
    const hub = createHub({
      ...{ room: id, access, rosterLimit, log },
      missing: (room, gap) => database.use((client) => readMissing(client, journal, room, gap)),
      attendance: attendanceOf,
      onCategory(now) {
        made.category = now;
      },
      onEnded: (session) => void leave(made, session),
    });
    const made: Room = { hub, followed: feed.follow(id), category, people: new Map(), joined: new Set() };
    rooms.set(id, made);
    return made;
  }

  async function attendanceOf(room: string): Promise<Attendance> {
    const found = await database.use((client) => readAttendance(client, [room], rosterLimit()));
    return found.get(room) ?? { count: 0, roster: [] };
  }

  /** Resolves when it is noted that somebody has left, if it was the last session. Never rejects. */
  async function leave(room: Room, { member }: Session): Promise<void> {
    const left = (room.people.get(member) ?? 1) - 1;
    if (left > 0) return void room.people.set(member, left);
    room.people.delete(member);
    room.joined.delete(member);
    if (room.people.size === 0) forget(room);
    await noteLeft(room.hub.room, member);
  }

  async function noteLeft(room: string, member: string): Promise<void> {
    await presence.part(room, member).catch((error) => {
      log.debug({ err: error, member }, 'that somebody has left is noted later');
      doubt = DOUBT;
    });
  }

  function forget({ hub }: Room): void {
    rooms.delete(hub.room);
    feed.unfollow(hub.room);
    hub.close();
  }

  async function rejoin(caller: Caller, key: string, listener: RoomListener): Promise<Participation> {
    if (refused !== '') throw new ChatError('unavailable', refused, 1);
    const standing = await access.standing(caller, key);
    demand(caller, standing, 'mayJoin');
    const room = roomOf(standing.room.id, standing.room.category);
    const { name: member } = caller;
    const session = room.hub.admit(caller, member, listener);
    room.people.set(member, (room.people.get(member) ?? 0) + 1);
    try {
      await room.followed;
      requireThere(room, session);
      const joined = await presence.join(member, caller, standing);
      // Removed in this moment: then it was noted before it had joined that it has left.
      if (!room.hub.sessions.has(session) && !rooms.get(room.hub.room)?.people.has(member))
        await noteLeft(room.hub.room, member);
      requireThere(room, session);
      room.joined.add(member);
      const roster = room.hub.begin(session, joined.lastSeq, joined);
      return { ...participationOf(joined), roster: roster && [...roster], part: () => part(room, session) };
    } catch (error) {
      await part(room, session);
      throw error;
    }
  }

  async function part(room: Room, session: Session): Promise<void> {
    if (!room.hub.sessions.has(session)) return;
    room.hub.dismiss(session);
    await leave(room, session);
  }

  function onAccess({ room, category, users }: AccessNotice): void {
    if (room !== undefined) return rooms.get(room)?.hub.check();
    for (const each of rooms.values()) {
      const isMeant =
        (category === undefined && users === undefined) ||
        each.category === category ||
        (users !== undefined && [...each.people.keys()].some((member) => users.has(member)));
      if (isMeant) each.hub.check();
    }
  }

  /** Numbers that rooms have reached without our hearing of it. */
  async function catchUp(): Promise<void> {
    const ids = [...rooms.keys()];
    // Others are heard in between: a pod may have people in all rooms that there are.
    for (let at = 0; at < ids.length; at += LOOKED_AT_ONCE)
      await catchUpWith(ids.slice(at, at + LOOKED_AT_ONCE));
  }

  async function catchUpWith(ids: readonly string[]): Promise<void> {
    const { rows } = await database.use((client) =>
      client.query({ name: 'last-numbers', text: LAST_NUMBERS, values: [ids] }),
    );
    const last = new Map<string, number>(rows.map(({ id, seq }) => [id, seq]));
    for (const id of ids) {
      const seq = last.get(id);
      const hub = rooms.get(id)?.hub;
      if (seq === undefined) hub?.gone();
      else hub?.expect(seq);
    }
  }

  async function lookAfterAll(): Promise<void> {
    const { signal } = stopping;
    while (!signal.aborted) {
      try {
        if (doubt > 0 || ++turn % TURNS_BETWEEN_CHECKS === 0) {
          doubt = Math.max(0, doubt - 1);
          await attendance.own();
        }
        await catchUp();
        await attendance.ofDead();
      } catch (error) {
        doubt = DOUBT;
        log.debug({ err: error }, 'rooms are looked after later');
      }
      await look.within(nats.connected ? LOOK_MS : LOOK_AWAY_MS, signal);
    }
  }

  async function drain(): Promise<void> {
    refused = 'this pod shuts down: join through another';
    for (const { hub } of [...rooms.values()])
      for (const session of [...hub.sessions]) hub.end(session, 'moved');
    await presence.idle();
  }

  return {
    async join(caller, key, listener) {
      parts.takeRooms(caller);
      return rejoin(caller, key, listener);
    },
    rejoin,
    counts: () => ({
      sessions: [...rooms.values()].reduce((sum, { hub }) => sum + hub.sessions.size, 0),
      rooms: rooms.size,
    }),
    start() {
      feed.start();
      ends = [
        journal.onEvents((scope, events) => rooms.get(scope)?.hub.receive(events)),
        access.onChanged(onAccess),
        members.onChange(() => look.now()),
      ];
      looking = lookAfterAll();
    },
    drain,
    async stop() {
      await drain();
      stopping.abort();
      for (const end of ends) end();
      feed.stop();
      await looking;
    },
  };
}

const LAST_NUMBERS = 'SELECT id, last_seq::float8 AS seq FROM rooms WHERE id = ANY($1::uuid[])';

function participationOf({
  standing,
  lastSeq,
  unread,
  history,
}: Joined): Pick<Participation, 'room' | 'history'> {
  const { id, name, description, category, kind, privacy, invitations, addIn } = standing.room;
  const { disabled, legalHold, categoryName, chatHistory } = standing.room;
  return {
    room: {
      ...{
        id,
        name,
        description,
        category,
        kind,
        privacy,
        invitations,
        addIn,
        disabled,
        legalHold: standing.mayManage ? legalHold : undefined,
        categoryName,
        chatHistory,
      },
      ...{ lastSeq, unread, roles: [...standing.roles], mayPost: standing.mayPost },
    },
    history,
  };
}

function requireThere({ hub }: { hub: Hub }, session: Session): void {
  if (!hub.sessions.has(session))
    throw new ChatError('unavailable', 'the session ended before it began: join again', 1);
}

/** Waits for a time, or until somebody calls. */
function createWaker() {
  let wake = new AbortController();
  return {
    now: () => wake.abort(),
    async within(milliseconds: number, signal: AbortSignal): Promise<void> {
      await sleep(milliseconds, undefined, { signal: AbortSignal.any([wake.signal, signal]) }).catch(
        () => {},
      );
      if (wake.signal.aborted) wake = new AbortController();
    },
  };
}
