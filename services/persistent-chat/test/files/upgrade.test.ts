// Tables with files in them, as a release before had left them.
import { randomUUID } from 'node:crypto';
import { cp, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createLog, createPostgres, migrate } from '@linchpin/host';
import { createLab, type Lab } from '@linchpin/testkit';
import type { Pool, PoolClient } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { migrations } from '../../src/database/migrations.ts';
import { selectNewest } from '../../src/files/store.ts';

const log = createLog({ role: 'test', name: 'test', level: 'silent' });
const alice = 'alice@contoso.lab';
/** The last one of the release before. */
const BEFORE = '0016';

let lab: Lab;
let pool: Pool;
let client: PoolClient;

beforeAll(async () => {
  lab = await createLab({ postgres: true, nats: false });
  const { port, passwordFile } = lab.postgres;
  const place = { host: '127.0.0.1', port, user: 'linchpin', database: 'postgres', passwordFile };
  pool = await createPostgres({ ...place, connections: 3 }, 'test', log);
  client = await pool.connect();
});
afterAll(async () => {
  client?.release();
  await pool?.end();
  await lab?.close();
});

async function migrateAsBefore(): Promise<void> {
  const folder = join(lab.dir, 'migrations');
  await mkdir(folder);
  for (const file of await readdir(migrations.folder))
    if (file < BEFORE) await cp(new URL(file, migrations.folder), join(folder, file));
  await migrate(client, { ...migrations, folder: pathToFileURL(`${folder}/`) });
}

const waitingForLocks = async (): Promise<number> =>
  (await pool.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).rows[0]
    .n;

test('Files that posts name are shown as they were, and others to those alone who have uploaded them', async () => {
  await migrateAsBefore();
  const [category, room] = [randomUUID(), randomUUID()];
  const [posted, deleted, waiting, late, purged] = Array.from({ length: 5 }, () => randomUUID());
  await client.query("INSERT INTO categories (id, name) VALUES ($1, 'General')", [category]);
  await client.query("INSERT INTO rooms (id, category, name) VALUES ($1, $2, 'Lounge')", [room, category]);
  await client.query("INSERT INTO file_blobs (sha256, bytes) VALUES (sha256('a'), 1)");
  await client.query(
    `INSERT INTO files (id, room, sha256, bytes, name, type, uploaded_by, ready)
     SELECT id, $1, sha256('a'), 1, 'a.txt', 'text/plain', $2, true FROM unnest($3::uuid[]) AS id`,
    [room, alice, [posted, deleted, waiting, late, purged]],
  );
  await client.query(
    `INSERT INTO posts (room, seq, author, at, client_id, body, files, deleted_at)
     VALUES ($1, 1, $2, now(), 'a', '', ARRAY[$3::uuid], NULL), ($1, 2, $2, now(), 'b', '', ARRAY[$4::uuid], now()),
       ($1, 3, $2, now(), 'c', '', ARRAY[$5::uuid], NULL)`,
    [room, alice, posted, deleted, purged],
  );
  // A pod of the release before has begun to post, and purges in the same transaction.
  const old = await pool.connect();
  await old.query('BEGIN');
  await old.query(
    "INSERT INTO posts (room, seq, author, at, client_id, body, files) VALUES ($1, 4, $2, now(), 'd', '', ARRAY[$3::uuid])",
    [room, alice, late],
  );
  const migrated = migrate(client, migrations);
  await vi.waitFor(async () => expect(await waitingForLocks()).toBe(1), { timeout: 20_000 });
  await old.query('DELETE FROM posts WHERE room = $1 AND seq = 3', [room]);
  await old.query('COMMIT');
  old.release();
  expect(await migrated).toContain('0016-posted-files.sql');

  const shownTo = async (name: string) =>
    (await selectNewest(client, room, { before: undefined, limit: 10 }, { name, admin: false }))
      .map(({ id }) => id)
      .sort();
  expect(await shownTo('bob@contoso.lab')).toEqual([posted, late].sort());
  expect(await shownTo(alice)).toEqual([posted, waiting, late].sort());
});
