import { createLog } from '@linchpin/host';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import { afterEach, expect, test, vi } from 'vitest';
import { type Chat, ChatError, type Post, type RoomListener, type RoomView } from '../../chat.ts';
import type { Outcome } from '../outgoing.ts';
import type { Mark } from '../store.ts';
import { createSession, type Session } from './session.ts';

const silent = createLog({ name: 'test', role: 'test', level: 'silent' });
const BOB = 'bob@contoso.lab';
const timing = { firstRestMs: 5, longestRestMs: 20, partAfterMs: 30, stopMs: 100 };

let session: Session | undefined;
afterEach(() => session?.stop());

/** A room of which the test says what happens. */
function setUp({ mark = 0, stored = [] as number[], refusal = undefined as ChatError | undefined } = {}) {
  const told: string[] = [];
  const marks: Mark[] = [];
  const left: string[] = [];
  const state = {
    lastSeq: 0,
    stored: [] as Post[],
    outcome: 'told' as Outcome,
    view: { roles: ['member'], privacy: 'closed' } as unknown as RoomView,
    refusal,
    history: undefined as ChatError | undefined,
    listener: undefined as RoomListener | undefined,
    joins: 0,
    parts: 0,
  };
  const chat: Pick<Chat, 'join' | 'history' | 'room'> = {
    async join(_caller, _room, listener) {
      if (state.refusal) throw state.refusal;
      state.joins++;
      state.listener = listener;
      return {
        room: { ...state.view, name: 'Sales', lastSeq: state.lastSeq },
        history: state.stored.slice(-2),
        roster: undefined,
        async part() {
          state.parts++;
        },
      };
    },
    async history(_caller, _room, { after = 0, limit = 30 }) {
      if (state.history) throw state.history;
      return state.stored.filter(({ seq }) => seq > after).slice(0, limit);
    },
    room: async () => state.view,
  };
  const post = (seq: number, by = 'alice@contoso.lab') =>
    ({
      kind: 'post',
      scope: 'r',
      seq,
      at: '2026-01-01T00:00:00.000Z',
      by,
      body: `${seq}`,
      files: [],
    }) as unknown;
  function stores(...seqs: number[]): void {
    state.stored.push(...seqs.map((seq) => post(seq) as Post));
    state.lastSeq = Math.max(state.lastSeq, ...seqs);
  }
  stores(...stored);
  session = createSession({
    member: { room: 'r', address: 'sales', member: BOB, mark },
    chat,
    async tell(_speaker, _member, { text }) {
      told.push(text);
      return state.outcome;
    },
    nameOf: (user) => user.split('@')[0] ?? '',
    onMark: (now) => marks.push(now),
    onLeft: (why) => left.push(why),
    log: silent,
    timing,
  });
  return {
    state,
    told,
    marks,
    left,
    session,
    happens: (...seqs: number[]) => void state.listener?.onEvents(seqs.map((seq) => post(seq) as ChatEvent)),
    stores,
  };
}

const alice = (...seqs: number[]): string[] => seqs.map((seq) => `alice: ${seq}`);

test('what was missed since the mark comes first, then what happens, each once', async () => {
  const room = setUp({ mark: 2, stored: [1, 2, 3, 4] });
  await room.session.joined;
  room.happens(5, 6);
  await vi.waitFor(() => expect(room.told).toEqual(alice(3, 4, 5, 6)), { timeout: 10_000 });
  expect(room.marks.at(-1)).toEqual({ room: 'r', member: BOB, mark: 6 });
});

test('of very much that was missed the last is told', async () => {
  const room = setUp({ mark: 2, stored: Array.from({ length: 5000 }, (_, n) => n + 1) });
  await vi.waitFor(() => expect(room.told).toEqual(alice(4999, 5000)), { timeout: 10_000 });
});

test('nothing of the past is told where rooms have no history', async () => {
  const room = setUp({ mark: 2, stored: [3, 4] });
  room.state.history = new ChatError('forbidden', 'no history here');
  await room.session.joined;
  await vi.waitFor(() => expect(room.state.listener).toBeDefined(), { timeout: 10_000 });
  room.happens(5);
  await vi.waitFor(() => expect(room.told).toEqual(alice(5)), { timeout: 10_000 });
  expect(room.left).toEqual([]);
});

test('who has fallen behind, or whose pod shuts down, joins again and misses nothing', async () => {
  const room = setUp();
  await room.session.joined;
  for (const [why, seq] of [
    ['lagging', 1],
    ['moved', 2],
  ] as const) {
    room.stores(seq);
    room.state.listener?.onEnded(why);
    await vi.waitFor(() => expect(room.told).toEqual(alice(1, 2).slice(0, seq)), { timeout: 10_000 });
  }
  expect([room.state.joins, room.left]).toEqual([3, []]);
});

test('a client that takes nothing does not fill the memory: what waits is read again', async () => {
  const room = setUp();
  await room.session.joined;
  room.state.outcome = 'later';
  const all = Array.from({ length: 1500 }, (_, n) => n + 1);
  room.stores(...all);
  room.happens(...all);
  await vi.waitFor(() => expect(room.state.parts).toBeGreaterThan(0), { timeout: 10_000 });
  room.state.outcome = 'told';
  room.session.poke();
  await vi.waitFor(() => expect(room.marks.at(-1)?.mark).toBe(1500), { timeout: 10_000 });
  expect(new Set(room.told).size).toBe(1500);
});

test('a store that is away is asked again', async () => {
  const room = setUp({ refusal: new ChatError('unavailable', 'away') });
  await expect(room.session.joined).rejects.toThrow('away');
  room.state.refusal = undefined;
  room.stores(1);
  await vi.waitFor(() => expect(room.told).toEqual(alice(1)), { timeout: 10_000 });
  expect(room.left).toEqual([]);
});

test('who may not join has left', async () => {
  const room = setUp({ refusal: new ChatError('forbidden', 'no member') });
  await expect(room.session.joined).rejects.toThrow('no member');
  await vi.waitFor(() => expect(room.left).toEqual(['removed']), { timeout: 10_000 });
});

test('who is taken out while it is away is told nothing more', async () => {
  const room = setUp();
  await room.session.joined;
  room.state.outcome = 'away';
  room.happens(1);
  await vi.waitFor(() => expect(room.state.parts).toBe(1), { timeout: 10_000 });
  room.state.view = { roles: [], privacy: 'closed' } as unknown as RoomView;
  await vi.waitFor(() => expect(room.left).toEqual(['removed']), { timeout: 10_000 });
  room.state.outcome = 'told';
  expect(room.marks).toEqual([]);
});

test('an open room needs no role', async () => {
  const room = setUp();
  await room.session.joined;
  room.state.view = { roles: [], privacy: 'open' } as unknown as RoomView;
  room.state.outcome = 'away';
  room.happens(1);
  await vi.waitFor(() => expect(room.state.parts).toBe(1), { timeout: 10_000 });
  room.stores(1);
  room.state.outcome = 'told';
  await vi.waitFor(() => expect(room.marks.at(-1)?.mark).toBe(1), { timeout: 10_000 });
  await vi.waitFor(() => expect(room.state.joins).toBe(2), { timeout: 10_000 });
});

test('what others than authors do is no mark that has to be written, but is not looked for again', async () => {
  const room = setUp();
  await room.session.joined;
  room.state.listener?.onEvents([{ kind: 'join', scope: 'r', seq: 7, at: '', by: BOB }]);
  await vi.waitFor(() => expect(room.session.mark.mark).toBe(7), { timeout: 10_000 });
  expect(room.marks).toEqual([]);
});

test('a disabled or deleted room is left', async () => {
  const room = setUp();
  await room.session.joined;
  room.state.listener?.onEnded('disabled');
  await vi.waitFor(() => expect(room.left).toEqual(['disabled']), { timeout: 10_000 });
  expect(room.state.joins).toBe(1);
});

test('the end of a session waits for the answer that is under way, and tells nothing after it', async () => {
  const room = setUp();
  await room.session.joined;
  room.happens(1, 2, 3);
  await vi.waitFor(() => expect(room.told.length).toBeGreaterThan(0), { timeout: 10_000 });
  await room.session.stop();
  const count = room.told.length;
  expect([room.session.mark.mark, room.state.parts]).toEqual([count, 1]);
  room.happens(4);
  expect(room.told).toHaveLength(count);
});
