import type { Pool, PoolClient } from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createSessions, type Sessions } from './sessions.ts';

/** What PostgreSQL takes its time for, and its answer. */
let slow: string;
let answer: PromiseWithResolvers<void>;
let asked: string[];
let sessions: Sessions;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  slow = '';
  answer = Promise.withResolvers();
  asked = [];
  const client = {
    async query(text: string) {
      asked.push(text);
      if (slow !== '' && text.includes(slow)) await answer.promise;
      return { rows: [] };
    },
    on() {},
    off() {},
    release() {},
  } as unknown as PoolClient;
  sessions = createSessions({ connect: async () => client } as unknown as Pool);
});
afterEach(() => vi.useRealTimers());

const isAsked = (text: string) =>
  vi.waitFor(() => expect(asked.some((statement) => statement.includes(text))).toBe(true), {
    timeout: 10_000,
  });

test('Tables are brought up for as long as it takes', async () => {
  slow = 'CREATE TABLE user_state_backup';
  const using = sessions.use(async () => 1);
  await isAsked(slow);
  vi.advanceTimersByTime(600_000);
  answer.resolve();
  expect(await using).toBe(1);
});

test.each(['pg_advisory_lock', 'SELECT 1'])('Nobody waits for %s where nothing answers', async (text) => {
  slow = text;
  const using = sessions.use((client) => client.query('SELECT 1'));
  await isAsked(slow);
  vi.advanceTimersByTime(10_000);
  await expect(using).rejects.toThrow('PostgreSQL does not answer');
});
