// Which pod tells whom. The rows say it; that there is one for each is seen to by whoever finds rows that no live process has.
import type { Logger } from '@linchpin/host';
import { type Members, preference } from '@linchpin/topology';
import type { Database } from '../../database/database.ts';
import type { Speaker, Tell } from '../outgoing.ts';
import * as store from '../store.ts';
import { createMarks } from './marks.ts';
import type { Session, SessionParts } from './session.ts';

export interface TellersParts {
  pod: string;
  pool: string;
  members: Pick<Members, 'list' | 'get' | 'onChange'>;
  database: Pick<Database, 'use' | 'onAvailable'>;
  createSession(parts: Pick<SessionParts, 'member' | 'onMark' | 'onLeft'>): Session;
  tell: Tell;
  /** Other pods look at the rows again; a member that is named has left. */
  tellPods(note: Note): void;
  log: Logger;
  lookMs?: number;
}

/** What pods tell each other about SIP members. */
export interface Note {
  left?: { room: string; member: string };
  /** This member has shown that it is there. */
  back?: string;
}

export interface Tellers {
  /** Resolves when it is stored that the user is told, from the event after `mark` on. Nothing changes for who is told already. */
  add(room: store.RoomAddress, member: string, mark: number): Promise<{ session: Session | undefined }>;
  /** False for who was not told. */
  remove(room: string, member: string): Promise<boolean>;
  /** The user has written something, so it is there. */
  isBack(member: string): void;
  onNote(note: Note): void;
  start(): void;
  /** Ends all sessions and lets go of their members, so that other pods take them. */
  letGo(): Promise<void>;
  readonly sessions: number;
}

interface Leaving {
  member: store.SipMember;
  why: string;
  /** Of the room. */
  name: string;
}

const LOOK_MS = 5_000;

export function createTellers(parts: TellersParts): Tellers {
  const { pod, pool, members, database, createSession, tell, tellPods, log, lookMs = LOOK_MS } = parts;
  const sessions = new Map<string, { address: string; session: Session }>();
  /** Who has to leave and could not be taken out of the store yet. */
  const leaving = new Map<string, Leaving>();
  const seen = createSeen();
  const marks = createMarks({ database, teller, onLost: (lost) => lost.forEach(drop), log });
  const offs: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let again = false;
  let started = false;

  const live = () => members.list('persistent-chat', pool);
  function teller(): string {
    return `${pod}/${members.get(pod)?.incarnation ?? ''}`;
  }
  const idOf = (member: { pod: string; incarnation: string }): string =>
    `${member.pod}/${member.incarnation}`;

  /** By its address, as Front Ends choose where a room's requests go: who tells its members has their commands as well. */
  const isMine = (address: string): boolean => {
    const running = live().filter(({ state }) => state === 'running');
    return (
      started &&
      preference(
        address,
        running.map((member) => member.pod),
      )[0] === pod
    );
  };

  function open(member: store.SipMember): Session {
    const key = store.keyOf(member);
    const known = sessions.get(key);
    if (known) return known.session;
    const session = createSession({
      member,
      onMark: marks.set,
      onLeft: (why, name) => void left({ member, why, name }),
    });
    sessions.set(key, { address: member.address, session });
    return session;
  }

  /** Without a word to the store. */
  function drop(key: Pick<store.Mark, 'room' | 'member'>): void {
    const known = sessions.get(store.keyOf(key));
    sessions.delete(store.keyOf(key));
    void known?.session.stop();
  }

  async function left(leaver: Leaving): Promise<void> {
    const { member, why, name } = leaver;
    const { room, address } = member;
    const key = store.keyOf(member);
    sessions.delete(key);
    leaving.set(key, leaver);
    try {
      await database.use((client) => store.removeMember(client, member));
      leaving.delete(key);
      const speaker: Speaker = { room, address, name };
      const text = `You are not in this room any more: ${why}`;
      await tell(speaker, member.member, { seq: 0, at: new Date().toISOString(), text });
    } catch (err) {
      log.warn({ err, room, member: member.member }, 'could not take somebody out of a room');
    }
  }

  function look(): void {
    if (!started) return;
    again = looking !== undefined;
    if (again) return;
    looking = lookOnce()
      .catch((err) => log.warn({ err }, 'cannot see whom nobody tells'))
      .finally(() => {
        looking = undefined;
        if (again) look();
      });
  }

  async function lookOnce(): Promise<void> {
    // Before it has announced itself it is nobody's choice.
    if (!started || !live().some((member) => member.pod === pod)) return;
    for (const leaver of [...leaving.values()]) await left(leaver);
    await release((address) => !isMine(address));
    const ids = live().map(idOf);
    await database.use(async (client) => {
      const untold = await store.untoldRooms(client, ids);
      const mine = untold.filter(({ address }) => isMine(address)).map(({ room }) => room);
      if (mine.length === 0) return;
      for (const member of await store.claim(client, teller(), mine, ids)) open(member);
    });
  }

  function poke(member: string): void {
    for (const { session } of sessions.values()) if (session.mark.member === member) session.poke();
  }

  async function release(which: (address: string) => boolean): Promise<void> {
    const given = [...sessions].filter(([, { address }]) => which(address));
    if (given.length === 0) return;
    for (const [key] of given) sessions.delete(key);
    await Promise.all(given.map(([, { session }]) => session.stop()));
    await marks.release(given.map(([, { session }]) => session.mark));
    tellPods({});
  }

  return {
    async add({ room, address }, member, mark) {
      const mine = isMine(address);
      const isNew = await database.use((client) =>
        store.addMember(client, { room, member, mark }, mine ? teller() : undefined),
      );
      if (isNew && mine) return { session: open({ room, address, member, mark }) };
      if (isNew) tellPods({});
      return { session: sessions.get(store.keyOf({ room, member }))?.session };
    },
    async remove(room, member) {
      drop({ room, member });
      const was = await database.use((client) => store.removeMember(client, { room, member }));
      if (was) tellPods({ left: { room, member } });
      return was;
    },
    isBack(member) {
      if (!seen.isNew(member)) return;
      poke(member);
      tellPods({ back: member });
    },
    onNote({ left: gone, back }) {
      if (gone) drop(gone);
      else if (back !== undefined) poke(back);
      else look();
    },
    start() {
      started = true;
      offs.push(members.onChange(look));
      database.onAvailable(look);
      timer = setInterval(look, lookMs);
      look();
    },
    async letGo() {
      started = false;
      clearInterval(timer);
      for (const off of offs.splice(0)) off();
      await looking;
      await release(() => true);
      await marks.stop();
    },
    get sessions() {
      return sessions.size;
    },
  };
}

/** Who writes a lot need not be told of each time. */
const SEEN_MS = 10_000;
const MOST_SEEN = 10_000;

function createSeen() {
  const seen = new Map<string, number>();
  return {
    isNew(member: string): boolean {
      const now = performance.now();
      if (now - (seen.get(member) ?? -SEEN_MS) < SEEN_MS) return false;
      if (seen.size >= MOST_SEEN) seen.clear();
      seen.set(member, now);
      return true;
    },
  };
}
