import { EventEmitter } from 'node:events';
import type { Pool, PoolClient } from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silent } from '../test/silent.ts';
import { createDatabase, type Database, type DatabaseOptions } from './database.ts';
import { createHealth, type Health } from './health.ts';
import type { Logger } from './log.ts';

class Away extends Error {}

/** As the driver gives what the server says. */
const said = (code: string, message: string) =>
  Object.assign(new Error(message), {
    severity: 'ERROR',
    code,
    detail: 'Key (name)=(secret)',
    constraint: 'c',
  });

let statements: string[];
let refuse: (text: string) => Error | undefined;
let client: PoolClient & EventEmitter;
let connect: () => Promise<PoolClient>;
let pool: Pool;
let health: Health;

beforeEach(() => {
  statements = [];
  refuse = () => undefined;
  client = Object.assign(new EventEmitter(), {
    async query(text: string) {
      statements.push(text);
      const error = refuse(text);
      if (error) throw error;
      return { rows: [] };
    },
    release() {},
  }) as unknown as PoolClient & EventEmitter;
  connect = async () => client;
  pool = { connect: () => connect(), options: { max: 3 }, totalCount: 1 } as unknown as Pool;
  health = createHealth();
});

afterEach(() => vi.useRealTimers());

async function started(more: Partial<DatabaseOptions> = {}): Promise<Database> {
  const database = createDatabase({
    pool,
    prepare: async (given) => void (await given.query('PREPARED')),
    onUnusable(error) {
      throw error;
    },
    unavailable: (why) => new Away(why),
    health,
    log: silent,
    ...more,
  });
  await database.start();
  return database;
}

test('What cannot be asked is refused with the error of the role, and said once it is there', async () => {
  connect = () => Promise.reject(new Error('connect ECONNREFUSED'));
  const database = await started();
  expect(database.available).toBe(false);
  await expect(database.use(async () => 1)).rejects.toThrow(Away);
  await expect(database.use(async () => 1)).rejects.toThrow('PostgreSQL is away: connect ECONNREFUSED');
  const back = new Promise<void>((resolve) => database.onAvailable(resolve));
  connect = async () => client;
  await back;
  expect(await database.use(async () => 1)).toBe(1);
  await database.stop();
});

test('says that it waits while the tables are brought up, and no more when they are', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const { promise: migrated, resolve: migrate } = Promise.withResolvers<void>();
  const info: string[] = [];
  const log = { ...silent, info: (_: object, text: string) => void info.push(text) } as unknown as Logger;
  const starting = started({ prepare: () => migrated, log });
  await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1), { timeout: 10_000 });
  vi.advanceTimersByTime(11_000);
  const waits = 'waits until the tables are brought up to this release';
  expect(info).toEqual([waits, waits]);
  migrate();
  const database = await starting;
  expect(vi.getTimerCount()).toBe(0);
  expect(info.at(-1)).toBe('PostgreSQL is available');
  await database.stop();
});

test.each([
  ['57P01', 'terminating connection', 'PostgreSQL is away: terminating connection', false],
  ['53300', 'too many connections', 'PostgreSQL is away: too many connections', false],
  ['40001', 'could not serialize', 'others have changed the same at this moment', true],
  ['40P01', 'deadlock detected', 'others have changed the same at this moment', true],
])('%s is the error of the role', async (code, message, expected, there) => {
  const database = await started();
  const asked = database.use(() => Promise.reject(said(code, message)));
  await expect(asked).rejects.toThrow(Away);
  await expect(asked).rejects.toThrow(expected);
  expect(database.available).toBe(there);
  await database.stop();
});

test('A session that PostgreSQL has ended because its transaction stood still says nothing of the others', async () => {
  const database = await started();
  const asked = database.transaction(async () => {
    client.emit('error', said('25P03', 'terminating connection due to idle-in-transaction timeout'));
    client.emit('error', new Error('Connection terminated unexpectedly'));
    throw new Error('Client is not queryable');
  });
  await expect(asked).rejects.toThrow(Away);
  await expect(asked).rejects.toThrow('stood still for too long');
  expect(database.available).toBe(true);
  await database.stop();
});

test('Load is no outage', async () => {
  const database = await started();
  connect = () => Promise.reject(new Error('timeout exceeded'));
  Object.assign(pool, { totalCount: 3 });
  await expect(database.use(async () => 1)).rejects.toThrow('all connections to PostgreSQL are busy');
  expect(database.available).toBe(true);
  await database.stop();
});

test('What the server says of rows is left out of its errors', async () => {
  const database = await started();
  const error = await database.use(() => Promise.reject(said('23505', 'duplicate key'))).catch((why) => why);
  expect(error).toMatchObject({ message: 'duplicate key', code: '23505', constraint: 'c' });
  expect(error.detail).toBeUndefined();
  await database.stop();
});

test('A transaction is undone when its work fails, and an unanswered COMMIT says so', async () => {
  const database = await started();
  await expect(database.transaction(() => Promise.reject(new RangeError('no')))).rejects.toThrow(RangeError);
  expect(statements.at(-1)).toBe('ROLLBACK');
  refuse = (text) => (text === 'COMMIT' ? new Error('Connection terminated') : undefined);
  const commit = database.transaction(async () => 1);
  await expect(commit).rejects.toThrow(Away);
  await expect(commit).rejects.toThrow('whether it was stored is not known');
  await database.stop();
});

test('Only who asks for it sends statements without waiting', async () => {
  await (await started()).stop();
  expect(pool.options).toEqual({ max: 3 });
  await (await started({ pipeline: true })).stop();
  expect(pool.options).toEqual({ max: 3, pipeline: true });
});
