import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { StateUnavailable } from '../state-unavailable.ts';
import { type Bucket, RevisionConflict, type StoredEntry } from './bucket.ts';
import { Unanswered } from './requests.ts';
import { createUserState } from './user-state.ts';

const log = pino({ level: 'silent' });

type Fault = 'away' | 'lost answer' | undefined;

/** A bucket in memory that can be away, or store and never say so. */
function fakeBucket(initial: Record<string, unknown> = {}) {
  const entries = new Map<string, StoredEntry>();
  let seq = 0;
  const writes: string[] = [];
  const fake = {
    incarnation: 'first',
    fault: undefined as Fault,
    held: undefined as Promise<void> | undefined,
    writes,
    entries,
  };
  const put = (key: string, text: string) => entries.set(key, { key, text, revision: ++seq });
  for (const [key, value] of Object.entries(initial)) put(key, JSON.stringify(value));

  async function change(key: string, text: string, expected: number): Promise<number> {
    if (fake.fault === 'away') throw new Unanswered('away', false);
    await fake.held;
    if ((entries.get(key)?.revision ?? 0) !== expected) throw new RevisionConflict('wrong last sequence');
    writes.push(`${key}=${text}`);
    if (text === '') entries.delete(key);
    else put(key, text);
    if (fake.fault === 'lost answer') throw new Unanswered('lost', true);
    return text === '' ? 0 : seq;
  }

  const bucket: Bucket = {
    open: async () => fake.incarnation,
    load: async () => [...entries.values()],
    async read(key) {
      if (fake.fault) throw new Unanswered('away', false);
      return entries.get(key);
    },
    write: (key, text, expected) => change(key, text, expected),
    remove: (key, expected) => change(key, '', expected),
    close() {},
  };
  return Object.assign(fake, { bucket });
}

/** A link whose only use here is to say that NATS is back. */
function fakeLink() {
  const listeners = new Set<() => void>();
  return {
    connected: true,
    connection: () => Promise.reject(new Error('unused')),
    onConnected(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onDisconnected: () => () => {},
    close: async () => {},
    comeBack: () => [...listeners].map((listener) => listener()),
  };
}

async function loadedState(initial?: Record<string, unknown>) {
  const bucket = fakeBucket(initial);
  const link = fakeLink();
  const nats = link as never;
  const state = createUserState({ nats, replicas: 1, log, patience: 60, bucket: bucket.bucket });
  await state.load();
  return { state, bucket, link };
}

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('user state', () => {
  test('holds what the store holds', async () => {
    const { state } = await loadedState({ 'bindings.a': [1], 'subscription.a.x': 2, 'subscription.b.y': 3 });
    expect(state.get('bindings.a')).toEqual([1]);
    expect([...state.entries('subscription.a.')]).toEqual([['subscription.a.x', 2]]);
    expect([...state.entries('subscription.')]).toHaveLength(2);
  });

  test('refuses writes before it is loaded', async () => {
    const { bucket } = fakeBucket();
    const state = createUserState({ nats: fakeLink() as never, replicas: 1, log, bucket });
    await expect(state.put('bindings.a', 1)).rejects.toThrow(StateUnavailable);
  });

  test('writes once for many changes that come while a write is under way', async () => {
    const { state, bucket } = await loadedState();
    const { promise, resolve } = Promise.withResolvers<void>();
    bucket.held = promise;
    const puts = [1, 2, 3, 4].map((value) => state.put('bindings.a', value));
    expect(state.get('bindings.a')).toBe(4);
    resolve();
    await Promise.all(puts);
    expect(bucket.writes).toEqual(['bindings.a=1', 'bindings.a=4']);
  });

  test('gives the old value back when the store stays away', async () => {
    const { state, bucket } = await loadedState({ 'bindings.a': 'old' });
    bucket.fault = 'away';
    const first = state.put('bindings.a', 'new');
    const second = state.put('bindings.a', 'newer');
    await expect(first).rejects.toThrow(StateUnavailable);
    await expect(second).rejects.toThrow(StateUnavailable);
    expect(state.get('bindings.a')).toBe('old');
    bucket.fault = undefined;
    await state.put('bindings.a', 'later');
    expect(bucket.entries.get('bindings.a')?.text).toBe('"later"');
  });

  test('goes on from a write whose answer was lost', async () => {
    const { state, bucket } = await loadedState({ 'bindings.a': 'old' });
    bucket.fault = 'lost answer';
    const put = state.put('bindings.a', 'new');
    await turns();
    bucket.fault = undefined;
    await put;
    expect(bucket.entries.get('bindings.a')?.text).toBe('"new"');
  });

  test('takes a rejected write out of the store again once it can', async () => {
    const { state, bucket, link } = await loadedState({ 'bindings.a': 'old' });
    bucket.fault = 'lost answer';
    await expect(state.put('bindings.a', 'new')).rejects.toThrow(StateUnavailable);
    bucket.fault = undefined;
    link.comeBack();
    await turns();
    expect(bucket.entries.get('bindings.a')?.text).toBe('"old"');
  });

  test('a deletion that failed stays, and reaches the store later', async () => {
    const { state, bucket, link } = await loadedState({ 'bindings.a': 'old' });
    bucket.fault = 'away';
    await expect(state.delete('bindings.a')).rejects.toThrow(StateUnavailable);
    expect(state.get('bindings.a')).toBeUndefined();
    await expect(state.put('bindings.a', 'new')).rejects.toThrow(StateUnavailable);
    expect(state.get('bindings.a')).toBeUndefined();
    bucket.fault = undefined;
    link.comeBack();
    await turns();
    expect(bucket.entries.has('bindings.a')).toBe(false);
    expect([...state.entries('bindings.a')]).toEqual([]);
  });

  test('is fenced off by another writer, and takes over what that one wrote', async () => {
    const { state, bucket } = await loadedState({ 'bindings.a': 'old' });
    bucket.entries.set('bindings.a', { key: 'bindings.a', text: '"theirs"', revision: 99 });
    await expect(state.put('bindings.a', 'ours')).rejects.toThrow(/another Front End/);
    expect(state.get('bindings.a')).toBe('theirs');
  });

  test('writes a key that the store has lost', async () => {
    const { state, bucket } = await loadedState({ 'bindings.a': 'old' });
    bucket.entries.clear();
    await state.put('bindings.a', 'new');
    expect(bucket.entries.get('bindings.a')?.text).toBe('"new"');
  });

  test('fills a store that was lost and is another one now', async () => {
    const { bucket, link } = await loadedState({ 'bindings.a': 'old', 'bindings.b': 'too' });
    bucket.entries.clear();
    bucket.incarnation = 'second';
    link.comeBack();
    await turns();
    expect([...bucket.entries.keys()]).toEqual(['bindings.a', 'bindings.b']);
  });
});
