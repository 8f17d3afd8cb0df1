import type { Logger } from '@linchpin/host';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import { type Chat, ChatError, type Participation, type Post } from '../../chat.ts';
import type { Outcome, Tell } from '../outgoing.ts';
import { type NameOf, type Said, saidIn, saidInPost } from '../said.ts';
import type { Mark, SipMember } from '../store.ts';
import { createBell } from './bell.ts';

export interface SessionParts {
  member: SipMember;
  chat: Pick<Chat, 'join' | 'history' | 'room'>;
  tell: Tell;
  nameOf: NameOf;
  /** It was told of everything up to there. */
  onMark(mark: Mark): void;
  /** It is not in the room any more, against its will: `removed`, `disabled`, `deleted`. */
  onLeft(why: string, roomName: string): void;
  log: Logger;
  /** Milliseconds. */
  timing?: Partial<SessionTiming>;
}

export interface SessionTiming {
  /** Who is not signed in is tried again after so long, then after twice that, and so on. */
  firstRestMs: number;
  longestRestMs: number;
  /** Who is away for so long is no participant any more. */
  partAfterMs: number;
  /** How long the end of a session waits for an answer of the member's client. */
  stopMs: number;
}

export const SESSION_TIMING: SessionTiming = {
  firstRestMs: 1_000,
  longestRestMs: 300_000,
  partAfterMs: 60_000,
  stopMs: 3_000,
};

/** One user in one room, told of what happens by SIP. */
export interface Session {
  /** Rejects with the ChatError for which the user could not join; the session is over then, unless the store is away. */
  readonly joined: Promise<void>;
  /** Up to where the member was told. */
  readonly mark: Mark;
  /** The member shows that it is there. */
  poke(): void;
  /** Resolves when nothing is under way any more, or its time is over. */
  stop(): Promise<void>;
}

/** Who has missed more is told the last of it only. */
const MOST_MISSED = 2_000;
const PAGE = 100;
/** Waiting for a member that does not take them; more are read again from the store. */
const MOST_WAITING = 1_000;

export function createSession(parts: SessionParts): Session {
  const { chat, tell, nameOf, onMark, onLeft, log } = parts;
  const { room, address, member } = parts.member;
  const { firstRestMs, longestRestMs, partAfterMs, stopMs } = { ...SESSION_TIMING, ...parts.timing };
  const caller = { name: member };
  const bell = createBell();
  const joined = Promise.withResolvers<void>();
  let { mark } = parts.member;
  /** The last event that is known here; those up to it need not be told, or wait. */
  let reached = mark;
  let name = '';
  let participation: Participation | undefined;
  let joins = 0;
  let waiting: Said[] = [];
  let rest = firstRestMs;
  let awaySince: number | undefined;
  let whyLeft: string | undefined;
  let stopped = false;

  async function run(): Promise<void> {
    while (!stopped && whyLeft === undefined) {
      try {
        await join();
        joined.resolve();
        await tellAll();
      } catch (error) {
        joined.reject(error);
        if (isFinal(error)) whyLeft ??= 'removed';
        else await lookLater(error);
      }
    }
    await part();
    if (whyLeft !== undefined && !stopped) onLeft(whyLeft, name);
  }

  async function lookLater(error: unknown): Promise<void> {
    log[error instanceof ChatError ? 'info' : 'error']({ err: error, room, member }, 'cannot join for now');
    await part();
    await pause();
  }

  async function join(): Promise<void> {
    const current = ++joins;
    waiting = [];
    const now = await chat.join(caller, room, {
      onEvents(events) {
        if (current === joins) take(events);
      },
      onEnded(why) {
        if (current === joins) ended(why);
      },
    });
    if (current === joins) participation = now;
    name = now.room.name;
    const missed = await whatWasMissed(now);
    waiting.unshift(...missed);
    reached = Math.max(reached, now.room.lastSeq);
  }

  /** Since the mark, up to where the events of the participation begin. */
  async function whatWasMissed({ room: view, history }: Participation): Promise<Said[]> {
    const { lastSeq } = view;
    if (lastSeq <= mark) return [];
    const posts = lastSeq - mark > MOST_MISSED ? history : await pages(lastSeq);
    return posts
      .filter(({ seq }) => seq > mark && seq <= lastSeq)
      .map((post) => saidInPost(post, member, nameOf))
      .filter((said) => said !== undefined);
  }

  async function pages(until: number): Promise<Post[]> {
    const posts: Post[] = [];
    for (let after = mark; after < until; after = posts.at(-1)?.seq ?? until) {
      const page = await chat.history(caller, room, { after, limit: PAGE }).catch(withoutHistory);
      posts.push(...page);
      if (page.length < PAGE) break;
    }
    return posts;
  }

  function take(events: readonly ChatEvent[]): void {
    for (const event of events) {
      const said = saidIn(event, member, nameOf);
      if (said) waiting.push(said);
      reached = event.seq;
    }
    if (waiting.length > MOST_WAITING) void part();
    bell.ring();
  }

  function ended(why: string): void {
    participation = undefined;
    joins++;
    if (!mayComeBack.has(why)) whyLeft = why;
    bell.ring();
  }

  async function part(): Promise<void> {
    const last = participation;
    participation = undefined;
    joins++;
    bell.ring();
    await last?.part().catch((err) => log.warn({ err, room, member }, 'could not leave a room'));
  }

  /** Until the participation is over. */
  async function tellAll(): Promise<void> {
    while (participation && !stopped) {
      const [next] = waiting;
      if (next === undefined) {
        mark = Math.max(mark, reached);
        await bell.rung();
      } else if (await isTold(next)) waiting.shift();
      else if (isLongAway()) return tellWhenBack(next);
      else await pause();
    }
  }

  /** Without taking part: nobody is shown in a room for days whose telephone is off. */
  async function tellWhenBack(next: Said): Promise<void> {
    await part();
    do {
      await pause();
      if (stopped) return;
      const view = await chat.room(caller, room);
      if (view.roles.length === 0 && view.privacy !== 'open') whyLeft = 'removed';
    } while (whyLeft === undefined && !(await isTold(next)));
  }

  const isLongAway = (): boolean => awaySince !== undefined && performance.now() - awaySince > partAfterMs;

  /** In order: the next one waits until the client has answered. */
  async function isTold(said: Said): Promise<boolean> {
    const outcome: Outcome = await tell({ room, address, name }, member, said);
    if (outcome === 'away') awaySince ??= performance.now();
    if (outcome === 'away' || outcome === 'later') return false;
    if (outcome === 'refused') log.info({ room, member, seq: said.seq }, 'a client refuses what a room says');
    awaySince = undefined;
    rest = firstRestMs;
    mark = said.seq;
    onMark({ room, member, mark });
    return true;
  }

  async function pause(): Promise<void> {
    if (stopped) return;
    await bell.poked(rest);
    rest = Math.min(2 * rest, longestRestMs);
  }

  joined.promise.catch(() => {});
  const running = run().catch((err) =>
    log.error({ err, room, member }, 'a SIP session of a room has failed'),
  );

  return {
    joined: joined.promise,
    get mark() {
      return { room, member, mark };
    },
    poke() {
      rest = firstRestMs;
      bell.poke();
    },
    async stop() {
      stopped = true;
      bell.poke();
      bell.ring();
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, stopMs);
      await Promise.race([running, late.promise]);
      clearTimeout(timer);
      await part();
    },
  };
}

/** It did not take what came fast enough, or the pod that served it shuts down. */
const mayComeBack = new Set(['lagging', 'moved']);

/** A room may have none for its members: what was missed there is gone for them. */
function withoutHistory(error: unknown): Post[] {
  if (error instanceof ChatError && error.code === 'forbidden') return [];
  throw error;
}

/** Nothing that waiting could help. */
const isFinal = (error: unknown): boolean =>
  error instanceof ChatError && (error.code === 'not-found' || error.code === 'forbidden');
