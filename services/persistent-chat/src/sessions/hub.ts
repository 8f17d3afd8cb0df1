// One room on this pod, while it has sessions there: events come in whatever order and leave to every session once and in order.
import type { Logger } from '@linchpin/host';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import type { Access } from '../access/access.ts';
import { type Caller, ChatError, type Participant, type RoomListener } from '../chat.ts';
import { createOrdered, type Gap, type Ordered } from './ordered.ts';
import type { Attendance } from './participants.ts';
import { createSession, type Session } from './session.ts';
import { changesAccess, concerned, isPresence, told } from './told.ts';

export interface HubParts {
  room: string;
  access: Pick<Access, 'standing'>;
  /** Rejects while the database is away. */
  missing(room: string, gap: Gap): Promise<ChatEvent[]>;
  attendance(room: string): Promise<Attendance>;
  rosterLimit(): number;
  /** The category that the room is in now. */
  onCategory(category: string): void;
  /** A session is over against its will. */
  onEnded(session: Session): void;
  log: Logger;
}

export interface Hub {
  readonly room: string;
  readonly sessions: ReadonlySet<Session>;
  /** Of somebody who is about to join: it waits until `begin`. */
  admit(caller: Caller, member: string, listener: RoomListener): Session;
  /** What the first session begins with is what the room begins with here. */
  begin(session: Session, lastSeq: number, attendance: Attendance): readonly Participant[] | undefined;
  dismiss(session: Session): void;
  receive(events: readonly ChatEvent[]): void;
  /** Events up to this number have happened; what does not come within moments is read. */
  expect(lastSeq: number): void;
  /** Ends sessions of those who may not be here any more. */
  check(): void;
  /** The room is gone. */
  gone(): void;
  end(session: Session, why: string): void;
  /** Nothing is done any more. */
  close(): void;
}

/** How long something that comes another way may take. */
const GAP_MS = 100;
/** Turns of that after which what cannot be read is given up. */
const GAP_TURNS = 5;
const AWAY_MS = 500;
/** Sessions that are told in one go; others are heard in between. */
const TOLD_AT_ONCE = 1_000;
/** Above the limit there is no roster; below this part of it there is one again. */
const ROSTER_AGAIN = 0.8;

export function createHub(parts: HubParts): Hub {
  const { room, access, missing, attendance, rosterLimit, onEnded, log } = parts;
  const sessions = new Set<Session>();
  /** Before the first session has begun. */
  let early: ChatEvent[] = [];
  let ordered: Ordered | undefined;
  let work: (ChatEvent[] | 'check')[] = [];
  let working = false;
  let people = 0;
  let hasRoster = true;
  let isGone = false;
  let checking = false;
  let checkAgain = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let turns = 0;

  function push(...items: (ChatEvent[] | 'check')[]): void {
    work.push(...items);
    if (!working) void workOff();
  }

  // Runs through at once where nothing has to be waited for.
  async function workOff(): Promise<void> {
    working = true;
    while (work.length > 0 && !closed) {
      const next = work.shift() as ChatEvent[] | 'check';
      try {
        if (next === 'check') await removeWhoMayNot();
        else for (const part of upToEachChange(next)) await tell(part);
      } catch (error) {
        if (!closed) log.error({ err: error, room }, 'a room could not be told what happened in it');
      }
    }
    working = false;
  }

  async function tell(events: readonly ChatEvent[]): Promise<void> {
    const rosterBefore = hasRoster;
    for (const event of events) count(event);
    if (rosterBefore && !hasRoster) for (const session of sessions) session.giveRoster(undefined);
    const shown = events.flatMap((event) => told(event, hasRoster && rosterBefore) ?? []);
    if (shown.length > 0) {
      let turn = 0;
      for (const session of sessions) {
        session.give(shown);
        if (++turn % TOLD_AT_ONCE === 0) await new Promise(setImmediate);
      }
    }
    if (!rosterBefore && hasRoster) await rosterAgain();
    // Nothing more is told before it is known who may hear it.
    const last = events.at(-1);
    if (last?.kind === 'room-deleted') isGone = true;
    if (last && changesAccess(last)) await removeWhoMayNot(concerned(last));
  }

  function count(event: ChatEvent): void {
    if (!isPresence(event)) return;
    people += event.kind === 'join' ? 1 : -1;
    if (hasRoster && people > rosterLimit()) hasRoster = false;
    else if (!hasRoster && people < rosterLimit() * ROSTER_AGAIN) hasRoster = true;
  }

  /** Counted anew: what was not seen may have been people who came or went. */
  async function rosterAgain(): Promise<void> {
    const now = await whenThere(() => attendance(room));
    people = now.count;
    hasRoster = now.roster !== undefined;
    for (const session of sessions) session.giveRoster(now.roster);
  }

  async function whenThere<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (closed || !(error instanceof ChatError) || error.code !== 'unavailable') throw error;
        await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
      }
    }
  }

  /** All members, or some. */
  async function removeWhoMayNot(only?: ReadonlySet<string>): Promise<void> {
    const asked = [...sessions].filter(({ member }) => only === undefined || only.has(member));
    const callers = new Map(asked.map(({ member, caller }) => [member, caller]));
    const reasons = new Map<string, string | undefined>();
    await Promise.all(
      [...callers].map(async ([member, caller]) => void reasons.set(member, await whyNot(caller))),
    );
    for (const session of [...sessions]) {
      const why = reasons.get(session.member);
      if (why !== undefined) end(session, why);
    }
  }

  // Beside what is told: in a room of thousands it takes a while, and what happened is told in its place where it is known.
  function check(): void {
    checkAgain = true;
    if (!checking) void checkAll();
  }

  async function checkAll(): Promise<void> {
    checking = true;
    try {
      while (checkAgain && !closed) {
        checkAgain = false;
        await removeWhoMayNot();
      }
    } catch (error) {
      if (!closed) log.error({ err: error, room }, 'it is not known who may be in a room');
    }
    checking = false;
  }

  async function whyNot(caller: Caller): Promise<string | undefined> {
    if (isGone) return 'deleted';
    try {
      const standing = await whenThere(() => access.standing(caller, room));
      parts.onCategory(standing.room.category);
      if (standing.room.disabled) return 'disabled';
      return standing.mayJoin ? undefined : 'removed';
    } catch (error) {
      if (error instanceof ChatError) return 'removed';
      throw error;
    }
  }

  function take(events: ChatEvent[]): void {
    if (events.length > 0) push(events);
    if (ordered?.gap() === undefined) {
      clearTimeout(timer);
      timer = undefined;
    } else if (timer === undefined) {
      turns = 0;
      wait(GAP_MS);
    }
  }

  function wait(milliseconds: number): void {
    timer = setTimeout(() => {
      void mend().catch((error) => {
        log.debug({ err: error, room }, 'what is missing cannot be read yet');
        wait(AWAY_MS);
      });
    }, milliseconds);
  }

  async function mend(): Promise<void> {
    const gap = ordered?.gap();
    if (gap === undefined || closed) {
      timer = undefined;
      return;
    }
    const found = await missing(room, gap);
    take(ordered?.add(found) ?? []);
    const rest = ordered?.gap();
    if (rest === undefined || closed) return;
    // That gap is closed, and there is another one.
    if (rest.after >= gap.upTo) turns = 0;
    else turns += 1;
    if (turns < GAP_TURNS) return wait(GAP_MS);
    log.info({ room, after: rest.after, upTo: gap.upTo }, 'events that are kept nowhere here were missed');
    timer = undefined;
    take(ordered?.skip(gap.upTo) ?? []);
    push('check');
    if (hasRoster) await rosterAgain();
    else people = (await attendance(room)).count;
  }

  function end(session: Session, why: string): void {
    if (!sessions.delete(session)) return;
    session.end(why);
    onEnded(session);
  }

  return {
    room,
    sessions,
    admit(caller, member, listener) {
      const session = createSession({ caller, member, listener, log, onFailed: end });
      sessions.add(session);
      return session;
    },
    begin(session, lastSeq, { count, roster }) {
      if (ordered === undefined) {
        ordered = createOrdered(lastSeq);
        people = count;
        hasRoster = roster !== undefined;
        take(ordered.add(early));
        early = [];
      }
      // Whoever was given the answer has it before the first event comes.
      setImmediate(() => session.start(lastSeq));
      return hasRoster ? roster : undefined;
    },
    dismiss(session) {
      if (sessions.delete(session)) session.close();
    },
    receive(events) {
      if (ordered === undefined) early.push(...events);
      else take(ordered.add(events));
    },
    expect(lastSeq) {
      ordered?.expect(lastSeq);
      take([]);
    },
    check,
    gone() {
      isGone = true;
      check();
    },
    end,
    close() {
      closed = true;
      clearTimeout(timer);
      work = [];
    },
  };
}

/** Each part ends with an event after which somebody may have to go. */
function upToEachChange(events: readonly ChatEvent[]): ChatEvent[][] {
  const parts: ChatEvent[][] = [[]];
  for (const event of events) {
    (parts.at(-1) as ChatEvent[]).push(event);
    if (changesAccess(event)) parts.push([]);
  }
  return parts.filter((part) => part.length > 0);
}
