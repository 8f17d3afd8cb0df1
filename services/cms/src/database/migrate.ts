// Brings the tables up to this release. Plain SQL files, applied in the order of their numbers, each in a transaction.
import { readdir, readFile } from 'node:fs/promises';
import { HostError } from '@linchpin/host';
import type { PoolClient } from 'pg';
import { LOCK } from '../locks.ts';

/** EX_DATAERR of sysexits.h: starting again does not help, the newer release does. */
export const NEWER_SCHEMA_EXIT_CODE = 65;

const FOLDER = new URL('../../migrations/', import.meta.url);

interface Migration {
  number: number;
  file: string;
}

/** Several pods may start at once: the lock lets one migrate, the others then find nothing to do. */
export async function migrate(client: PoolClient, folder: URL = FOLDER): Promise<void> {
  const migrations = await readMigrations(folder);
  await client.query('SELECT pg_advisory_lock($1)', [LOCK.migrate]);
  try {
    const present = await presentNumber(client);
    const newest = migrations.at(-1)?.number ?? 0;
    if (present > newest) throw newerSchema(present, newest);
    for (const migration of migrations)
      if (migration.number > present) await apply(client, migration, folder);
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK.migrate]);
  }
}

async function readMigrations(folder: URL): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{4}-.*\.sql$/.test(file)).sort();
  return files.map((file) => ({ number: Number(file.slice(0, 4)), file }));
}

async function presentNumber(client: PoolClient): Promise<number> {
  await client.query(
    'CREATE TABLE IF NOT EXISTS migrations (number int PRIMARY KEY, file text NOT NULL, at timestamptz NOT NULL DEFAULT now())',
  );
  const { rows } = await client.query('SELECT coalesce(max(number), 0) AS number FROM migrations');
  return rows[0].number;
}

async function apply(client: PoolClient, { number, file }: Migration, folder: URL): Promise<void> {
  const sql = await readFile(new URL(file, folder), 'utf8');
  await client.query('BEGIN');
  try {
    await client.query(sql);
    await client.query('INSERT INTO migrations (number, file) VALUES ($1, $2)', [number, file]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

const newerSchema = (present: number, newest: number): HostError =>
  new HostError(
    `the database was written by a newer release of CMS (schema ${present}, this one knows ${newest}): run that release`,
    NEWER_SCHEMA_EXIT_CODE,
  );
