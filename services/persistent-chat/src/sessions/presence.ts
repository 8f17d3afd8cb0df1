// People come and go: in batches, like posts, so that a room of thousands fills in seconds.
import type { Logger } from '@linchpin/host';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import type { PoolClient } from 'pg';
import type { Access, Standing } from '../access/access.ts';
import { type Caller, ChatError, type Post } from '../chat.ts';
import type { Database } from '../database/database.ts';
import type { Entry, Journal, LockedRoom, NewEvent } from '../journal/journal.ts';
import { createLanes } from '../lanes.ts';
import { demand } from '../rights.ts';
import { createSettler, type Pending } from '../settle.ts';
import { together } from '../together.ts';
import {
  type Attendance,
  enter,
  leave,
  type PlaceOnPod,
  readAttendance,
  readPresent,
} from './participants.ts';

/** What whoever joins is given; everything is as of `lastSeq`. */
export interface Joined extends Attendance {
  lastSeq: number;
  standing: Standing;
  history: Post[];
  unread: number;
}

export interface Presence {
  /** In the order of the calls. Rejects where the caller may not join. */
  join(member: string, caller: Caller, standing: Standing): Promise<Joined>;
  /** Somebody whose row others have taken away is there again. */
  enter(room: string, member: string): Promise<void>;
  /** `pod`: this one, or one that is dead. */
  part(room: string, member: string, pod?: string): Promise<void>;
  idle(): Promise<void>;
}

export interface PresenceParts {
  pod: string;
  database: Pick<Database, 'transaction'>;
  journal: Pick<Journal, 'lockRooms' | 'appendAll' | 'committed'>;
  access: Pick<Access, 'confirm'>;
  /** The newest posts of rooms up to a number, oldest first. */
  newest(client: PoolClient, rooms: readonly { id: string; upTo: number }[]): Promise<Map<string, Post[]>>;
  /** Posts that members of rooms have not read, in the order of the question. */
  unreadOf(client: PoolClient, members: readonly { room: string; member: string }[]): Promise<number[]>;
  rosterLimit(): number;
  log: Logger;
}

interface Step extends Pending<Joined | undefined> {
  readonly member: string;
  readonly pod: string;
  kind: 'join' | 'enter' | 'part';
  /** Of a join. */
  who?: { caller: Caller; standing: Standing };
}

type Outcome = Joined | ChatError | undefined;

const LANES = 2;
const STEPS_AT_ONCE = 1_000;

export function createPresence(parts: PresenceParts): Presence {
  const { pod, database, journal, log } = parts;

  async function store(steps: readonly Step[], lockMs: number): Promise<void> {
    const stored = await database.transaction((client) => storeIn(client, parts, steps, lockMs));
    journal.committed(stored.events);
    for (const step of steps) {
      const outcome = stored.outcomes.get(step);
      if (outcome instanceof ChatError) step.reject(outcome);
      else step.resolve(outcome);
    }
  }

  const settle = createSettler<Step>({ store, log });
  const lanes = createLanes<Step>({
    lanes: LANES,
    atOnce: STEPS_AT_ONCE,
    async run(steps) {
      for (const part of withoutReturns(steps)) await settle(part);
    },
  });
  const take = (step: Omit<Step, 'resolve' | 'reject'>): Promise<Joined | undefined> =>
    new Promise((resolve, reject) => lanes.push({ ...step, resolve, reject }));

  return {
    join: (member, caller, standing) =>
      take({
        ...{ kind: 'join', room: standing.room.id, member, pod },
        who: { caller, standing },
      }) as Promise<Joined>,
    enter: async (room, member) => void (await take({ kind: 'enter', room, member, pod })),
    part: async (room, member, of = pod) => void (await take({ kind: 'part', room, member, pod: of })),
    idle: lanes.idle,
  };
}

/** Who leaves and comes back has done both: the one is stored before the other. */
function withoutReturns(steps: readonly Step[]): Step[][] {
  const parts: Step[][] = [[]];
  let kinds = new Map<string, boolean>();
  for (const step of steps) {
    const isPart = step.kind === 'part';
    if ((kinds.get(keyOf(step)) ?? isPart) !== isPart) {
      parts.push([]);
      kinds = new Map();
    }
    kinds.set(keyOf(step), isPart);
    (parts.at(-1) as Step[]).push(step);
  }
  return parts;
}

const keyOf = ({ room, member }: { room: string; member: string }): string => `${room} ${member}`;

async function storeIn(
  client: PoolClient,
  parts: PresenceParts,
  steps: readonly Step[],
  lockMs: number,
): Promise<{ events: ChatEvent[]; outcomes: Map<Step, Outcome> }> {
  const outcomes = new Map<Step, Outcome>();
  // Sent together, run one after the other: who is there is asked for when the rooms are locked.
  const [rooms, present] = await together([
    parts.journal.lockRooms(client, [...new Set(steps.map(({ room }) => room))], lockMs),
    readPresent(client, steps),
  ]);
  const joining = new Map<Step, Standing>();
  for (const step of steps) {
    if (step.who === undefined) continue;
    const standing = await confirmed(client, parts, step.who, rooms.get(step.room));
    if (standing instanceof ChatError) outcomes.set(step, standing);
    else joining.set(step, standing);
  }
  const valid = steps.filter((step) => rooms.has(step.room) && !outcomes.has(step));
  const { entered, left, events } = changes(valid, present);
  const entries = [...rooms.values()].map((room): Entry => [room, events.get(room.id) ?? []]);
  const [appended] = await together([
    parts.journal.appendAll(client, entries),
    enter(client, entered),
    leave(client, left),
  ]);
  await welcome(client, parts, rooms, joining, outcomes);
  return { events: appended, outcomes };
}

async function confirmed(
  client: PoolClient,
  { access }: PresenceParts,
  { caller, standing }: NonNullable<Step['who']>,
  locked: LockedRoom | undefined,
): Promise<Standing | ChatError> {
  if (locked === undefined) return new ChatError('not-found', 'the room is gone');
  try {
    const now = await access.confirm(client, caller, standing, locked);
    demand(caller, now, 'mayJoin');
    return now;
  } catch (error) {
    if (error instanceof ChatError && error.code !== 'unavailable') return error;
    throw error;
  }
}

/** Somebody is in a room with the first session on any pod, and out of it with the last. */
function changes(steps: readonly Step[], present: readonly PlaceOnPod[]) {
  const pods = new Map<string, Set<string>>();
  for (const step of steps) pods.set(keyOf(step), new Set());
  for (const place of present) pods.get(keyOf(place))?.add(place.pod);
  const entered: PlaceOnPod[] = [];
  const left: PlaceOnPod[] = [];
  const events = new Map<string, NewEvent[]>();
  const happen = ({ room, member: by }: Step, kind: 'join' | 'part') => {
    const known = events.get(room);
    if (known) known.push({ kind, by });
    else events.set(room, [{ kind, by }]);
  };
  for (const step of steps) {
    const on = pods.get(keyOf(step)) as Set<string>;
    const isPart = step.kind === 'part';
    if (on.has(step.pod) !== isPart) continue;
    if (isPart) on.delete(step.pod);
    if (on.size === 0) happen(step, isPart ? 'part' : 'join');
    if (!isPart) on.add(step.pod);
    (isPart ? left : entered).push(step);
  }
  return { entered, left, events };
}

async function welcome(
  client: PoolClient,
  { newest, unreadOf, rosterLimit }: PresenceParts,
  rooms: ReadonlyMap<string, LockedRoom>,
  joining: ReadonlyMap<Step, Standing>,
  outcomes: Map<Step, Outcome>,
): Promise<void> {
  const steps = [...joining.keys()];
  const ids = [...new Set(steps.map(({ room }) => room))];
  if (ids.length === 0) return;
  const kept = ids.map((id) => rooms.get(id) as LockedRoom).filter(({ chatHistory }) => chatHistory);
  const [history, attendance, unread] = await together([
    newest(
      client,
      kept.map(({ id, lastSeq }) => ({ id, upTo: lastSeq })),
    ),
    readAttendance(client, ids, rosterLimit()),
    unreadOf(client, steps),
  ]);
  steps.forEach((step, at) => {
    const room = rooms.get(step.room) as LockedRoom;
    outcomes.set(step, {
      ...(attendance.get(step.room) as Attendance),
      lastSeq: room.lastSeq,
      standing: joining.get(step) as Standing,
      history: history.get(step.room) ?? [],
      unread: unread[at] ?? 0,
    });
  });
}
