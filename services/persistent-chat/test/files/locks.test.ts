// What is locked while files are removed, on a real PostgreSQL.
import { randomUUID } from 'node:crypto';
import { createLog, createPostgres, migrate } from '@linchpin/host';
import { createLab, type Lab } from '@linchpin/testkit';
import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { migrations } from '../../src/database/migrations.ts';
import { deleteFiles } from '../../src/files/store.ts';

const log = createLog({ role: 'test', name: 'test', level: 'silent' });

let lab: Lab;
let pool: Pool;

beforeAll(async () => {
  lab = await createLab({ postgres: true, nats: false });
  const { port, passwordFile } = lab.postgres;
  const place = { host: '127.0.0.1', port, user: 'linchpin', database: 'postgres', passwordFile };
  pool = await createPostgres({ ...place, connections: 3 }, 'test', log);
  const client = await pool.connect();
  await migrate(client, migrations);
  client.release();
});
afterAll(async () => {
  await pool?.end();
  await lab?.close();
});

test('Contents of files that are removed are locked in one order: two rooms with the same do not wait in a ring', async () => {
  const [category, room] = [randomUUID(), randomUUID()];
  // The second is the lower one.
  const contents = ['ff', '11'].map((byte) => byte.repeat(32));
  const files = contents.map(() => randomUUID());
  await pool.query("INSERT INTO categories (id, name) VALUES ($1, 'General')", [category]);
  await pool.query("INSERT INTO rooms (id, category, name) VALUES ($1, $2, 'Lounge')", [room, category]);
  for (const [at, sha256] of contents.entries()) {
    await pool.query("INSERT INTO file_blobs (sha256, bytes) VALUES (decode($1, 'hex'), 1)", [sha256]);
    await pool.query(
      `INSERT INTO files (id, room, sha256, bytes, name, type, uploaded_by, ready, posted, purged)
       VALUES ($1, $2, decode($3, 'hex'), 1, 'a.txt', 'text/plain', 'alice@contoso.lab', true, true, true)`,
      [files[at], room, sha256],
    );
  }
  const lock = (more: string) => `SELECT FROM file_blobs WHERE sha256 = decode($1, 'hex') FOR UPDATE ${more}`;
  const [other, remover] = [await pool.connect(), await pool.connect()];
  await other.query('BEGIN');
  await other.query(lock(''), [contents[1]]);
  const removed = deleteFiles(remover, room, files);
  await vi.waitFor(
    async () =>
      expect((await pool.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).rowCount).toBe(
        1,
      ),
    { timeout: 20_000 },
  );
  // It has not taken this one yet: rejects where it has.
  await other.query(lock('NOWAIT'), [contents[0]]);
  await other.query('COMMIT');
  await removed;
  other.release();
  remover.release();
  expect((await pool.query('SELECT FROM files')).rowCount).toBe(0);
});
