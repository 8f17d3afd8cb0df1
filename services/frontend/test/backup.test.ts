import { readFile } from 'node:fs/promises';
import { createLog } from '@linchpin/host';
import { createLab, type Lab } from '@linchpin/testkit';
import pg from 'pg';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Backup, createBackup } from '../src/backup/backup.ts';
import type { Row } from '../src/backup/rows.ts';

let lab: Lab;
let admin: pg.Pool;
let pods: Pod[];
let pool: string;

beforeAll(async () => {
  lab = await createLab({ nats: false, postgres: true });
  admin = await connect();
});
afterAll(async () => {
  await admin?.end();
  await lab?.close();
});
beforeEach(() => {
  pods = [];
  pool = `pool-${Math.random().toString(36).slice(2)}`;
});
afterEach(async () => {
  await Promise.all(pods.map((pod) => pod.stop()));
});

interface Pod {
  backup: Backup;
  /** What is in this pod's memory, by key. */
  entries: Map<string, Row>;
  take(owner: { incarnation: string; term: number }): void;
  /** As the fabric does once a write is durable; '' deletes. */
  put(key: string, text: string): void;
  health: Map<string, string>;
  metric(name: string): Promise<string>;
  stop(): Promise<void>;
}

async function connect(): Promise<pg.Pool> {
  const { port, passwordFile } = lab.postgres;
  const password = (await readFile(passwordFile, 'utf8')).trim();
  const made = new pg.Pool({ host: '127.0.0.1', port, user: 'linchpin', database: 'postgres', password });
  made.on('error', () => {});
  return made;
}

const GROUP = 7;
const first = { incarnation: 'first', term: 1 };
/** The stream's last sequence, over all pods. */
let sequence = 0;

async function startPod(name: string, entries: Iterable<Row> = [], degradedAfterMs = 60_000): Promise<Pod> {
  const postgres = await connect();
  const memory = new Map([...entries].map((row) => [row.key, row]));
  const health = new Map<string, string>();
  const metrics = new Registry();
  const log = createLog({ role: 'frontend', name, level: 'silent' });
  const backup = createBackup({
    postgres,
    pool,
    pod: name,
    source: { entry: (key) => memory.get(key), entriesOfGroup: () => memory.values() },
    health: { set: (_, ok, why = '') => void health.set('backup', ok ? 'ok' : why) },
    log,
    metrics,
    everyMs: 20,
    degradedAfterMs,
  });
  backup.start();
  const pod: Pod = {
    backup,
    entries: memory,
    take: (owner) => backup.take(GROUP, owner),
    put(key, text) {
      sequence++;
      if (text === '') memory.delete(key);
      else memory.set(key, { key, text, revision: sequence });
      backup.stored(GROUP, key, sequence);
    },
    health,
    metric: (metric) => metrics.getSingleMetricAsString(metric),
    async stop() {
      await backup.stop();
      await postgres.end();
    },
  };
  pods.push(pod);
  return pod;
}

const rows = async (): Promise<Record<string, string>> => {
  const { rows: found } = await admin.query(
    'SELECT key, value FROM user_state_backup WHERE pool = $1 AND grp = $2 ORDER BY key',
    [pool, GROUP],
  );
  return Object.fromEntries(found.map(({ key, value }) => [key, value]));
};
const group = async () => {
  const { rows: found } = await admin.query(
    'SELECT incarnation, term::int, pod, revision::int FROM user_state_backup_groups WHERE pool = $1 AND grp = $2',
    [pool, GROUP],
  );
  return found[0];
};
const written = (pod: Pod) =>
  vi.waitFor(() => expect(pod.backup.lag()).toBe(0), { timeout: 10_000, interval: 10 });

test('writes behind, a key that changes often once, and notes how far the rows are complete', async () => {
  const pod = await startPod('frontend-0', [{ key: 'bindings.a', text: '[0]', revision: ++sequence }]);
  pod.take(first);
  for (let i = 1; i <= 1000; i++) pod.put('bindings.a', `[${i}]`);
  for (const key of ['bindings.b', 'bindings.c']) pod.put(key, '"\\u0000 ü"');
  await written(pod);
  expect(await rows()).toEqual({
    'bindings.a': '[1000]',
    'bindings.b': '"\\u0000 ü"',
    'bindings.c': '"\\u0000 ü"',
  });
  pod.put('bindings.b', '');
  await written(pod);
  expect(await rows()).toEqual({ 'bindings.a': '[1000]', 'bindings.c': '"\\u0000 ü"' });
  expect(await group()).toEqual({ incarnation: 'first', term: 1, pod: 'frontend-0', revision: sequence });
  expect(await pod.metric('linchpin_backup_writes_total')).toMatch(/outcome="stored"\} 4$/m);
  expect(await pod.metric('linchpin_backup_lag_changes')).toMatch(/ 0$/);
});

test('writes more keys than one statement takes', async () => {
  const pod = await startPod('frontend-0');
  pod.take(first);
  for (let i = 0; i < 1700; i++) pod.put(`subscription.${i}`, `{"n":${i}}`);
  await written(pod);
  expect(Object.keys(await rows())).toHaveLength(1700);
  expect((await group()).revision).toBe(sequence);
});

test('keeps what it could not write while PostgreSQL is away, and says so', async () => {
  const pod = await startPod('frontend-0', [], 50);
  pod.take(first);
  pod.put('bindings.a', '[1]');
  await written(pod);
  await lab.postgres.stop();
  pod.put('bindings.a', '[2]');
  pod.put('bindings.b', '[1]');
  await vi.waitFor(
    () => expect(pod.health.get('backup')).toMatch(/^2 changes .* not in PostgreSQL for \d+ s: /),
    {
      timeout: 10_000,
    },
  );
  expect(await pod.metric('linchpin_backup_lag_changes')).toMatch(/ 2$/);
  pod.put('bindings.a', '');
  await lab.postgres.start();
  await written(pod);
  expect(await rows()).toEqual({ 'bindings.b': '[1]' });
  await vi.waitFor(() => expect(pod.health.get('backup')).toBe('ok'), { timeout: 10_000 });
}, 30_000);

test('finds at a take-over what the pod before it did not write', async () => {
  const one = await startPod('frontend-0');
  one.take(first);
  for (const key of ['bindings.a', 'bindings.b', 'bindings.c']) one.put(key, '[1]');
  await written(one);
  const { entries } = one;
  entries.set('bindings.a', { key: 'bindings.a', text: '[2]', revision: ++sequence });
  entries.delete('bindings.b');
  entries.set('bindings.d', { key: 'bindings.d', text: '[4]', revision: ++sequence });
  const two = await startPod('frontend-1', entries.values());
  two.take({ incarnation: 'first', term: 2 });
  await written(two);
  expect(await rows()).toEqual({ 'bindings.a': '[2]', 'bindings.c': '[1]', 'bindings.d': '[4]' });
  expect(await two.metric('linchpin_backup_writes_total')).toMatch(/outcome="stored"\} 3$/m);
  expect(await group()).toMatchObject({ term: 2, pod: 'frontend-1', revision: sequence });
});

test('a primary that has been replaced writes nothing any more, whether it knows or not', async () => {
  const [one, two] = [await startPod('frontend-0'), await startPod('frontend-1')];
  one.take(first);
  one.put('bindings.a', '"old"');
  await written(one);
  two.take({ incarnation: 'first', term: 2 });
  two.put('bindings.a', '"new"');
  await written(two);
  one.put('bindings.a', '"stale"');
  one.put('bindings.z', '"stale"');
  await written(one);
  expect(await rows()).toEqual({ 'bindings.a': '"new"' });
  one.take(first);
  one.put('bindings.a', '"stale"');
  await written(one);
  expect(await rows()).toEqual({ 'bindings.a': '"new"' });
  expect(await group()).toMatchObject({ term: 2, pod: 'frontend-1' });
});

test('gives a group back whose stream is lost, and goes on with the new one though its revisions are lower', async () => {
  const one = await startPod('frontend-0');
  one.take({ incarnation: 'first', term: 9 });
  for (const key of ['bindings.a', 'bindings.b']) one.put(key, `"${key}"`);
  await written(one);
  await one.stop();
  pods = [];
  const two = await startPod('frontend-1');
  const restored = await two.backup.restore(GROUP);
  expect(restored.map(({ key, text }) => [key, text])).toEqual([
    ['bindings.a', '"bindings.a"'],
    ['bindings.b', '"bindings.b"'],
  ]);
  two.entries.set('bindings.a', { key: 'bindings.a', text: '"refilled"', revision: 1 });
  two.take({ incarnation: 'second', term: 1 });
  await written(two);
  expect(await rows()).toEqual({ 'bindings.a': '"refilled"' });
  expect(await group()).toEqual({ incarnation: 'second', term: 1, pod: 'frontend-1', revision: 1 });
  expect(await two.backup.restore(GROUP + 1)).toEqual([]);
});

test('follows a stream that is made anew and filled from memory, whose sequences begin again', async () => {
  const pod = await startPod('frontend-0');
  pod.take(first);
  for (const key of ['bindings.a', 'bindings.b']) pod.put(key, '[1]');
  await written(pod);
  const before = sequence;
  sequence = 0;
  pod.take({ incarnation: 'second', term: 2 });
  for (const key of ['bindings.a', 'bindings.b']) pod.put(key, '[1]');
  await written(pod);
  expect(await group()).toEqual({ incarnation: 'second', term: 2, pod: 'frontend-0', revision: 2 });
  sequence = before;
});

test('takes nothing for gone that a new stream has not got yet', async () => {
  const one = await startPod('frontend-0');
  one.take(first);
  for (const key of ['bindings.a', 'bindings.b']) one.put(key, '[1]');
  await written(one);
  const restored = (await one.backup.restore(GROUP)).map((row) => ({ ...row, revision: 0 }));
  const two = await startPod('frontend-1', restored);
  two.take({ incarnation: 'second', term: 1 });
  two.put('bindings.a', '[2]');
  await written(two);
  expect(await rows()).toEqual({ 'bindings.a': '[2]', 'bindings.b': '[1]' });
});

test('writes all of it again where the database was lost', async () => {
  const pod = await startPod('frontend-0');
  pod.take(first);
  for (const key of ['bindings.a', 'bindings.b']) pod.put(key, '[1]');
  await written(pod);
  await admin.query('DROP TABLE user_state_backup, user_state_backup_groups, migrations');
  pod.put('bindings.b', '[2]');
  await written(pod);
  expect(await rows()).toEqual({ 'bindings.a': '[1]', 'bindings.b': '[2]' });
});

test('writes what is left when it stops', async () => {
  const pod = await startPod('frontend-0');
  pod.take(first);
  await written(pod);
  pod.put('bindings.a', '[1]');
  await pod.backup.stop();
  expect(await rows()).toEqual({ 'bindings.a': '[1]' });
});

test('without PostgreSQL nothing is kept, and nothing fails', async () => {
  const backup = createBackup({
    ...{ postgres: undefined, pool, pod: 'frontend-0', metrics: new Registry() },
    source: { entry: () => undefined, entriesOfGroup: () => [] },
    health: { set: () => expect.unreachable() },
    log: createLog({ role: 'frontend', name: 'frontend-0', level: 'silent' }),
  });
  backup.start();
  backup.take(GROUP, first);
  backup.stored(GROUP, 'bindings.a', 1);
  expect([await backup.restore(GROUP), backup.lag()]).toEqual([[], 0]);
  await backup.stop();
});
