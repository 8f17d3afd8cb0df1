// Brings the tables of a role up to its release. Plain SQL files, applied in the order of their numbers, each in a transaction.
import { readdir, readFile } from 'node:fs/promises';
import type { ClientBase } from 'pg';
import { EXIT, HostError } from '../host-error.ts';

/** The SQL files of a role: `0001-documents.sql` and so on. */
export interface Migrations {
  folder: URL;
  /** The number of the advisory lock: a role's own on its database. */
  lock: number;
  /** Whose tables they are, for a person to read: `CMS`. */
  owner: string;
}

interface Migration {
  number: number;
  file: string;
}

/**
 * Resolves with the files that were applied; `onFile` is told of each before it is. Several pods may start at once: the lock lets
 * one migrate, the others then find nothing to do. Rejects with HostError where a newer release has been: only that one
 * understands the tables.
 */
export async function migrate(
  client: ClientBase,
  { folder, lock, owner }: Migrations,
  onFile: (file: string) => void = () => {},
): Promise<string[]> {
  const migrations = await readMigrations(folder);
  await client.query('SELECT pg_advisory_lock($1)', [lock]);
  try {
    const applied = await appliedNumbers(client);
    const present = Math.max(0, ...applied);
    const newest = migrations.at(-1)?.number ?? 0;
    if (present > newest) throw newerSchema(owner, present, newest);
    // Also one that came later with a lower number: releases are made in another order than their files are numbered.
    const missing = migrations.filter(({ number }) => !applied.has(number));
    for (const migration of missing) {
      onFile(migration.file);
      await apply(client, migration, folder);
    }
    return missing.map(({ file }) => file);
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [lock]);
  }
}

async function readMigrations(folder: URL): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{4}-.*\.sql$/.test(file)).sort();
  return files.map((file) => ({ number: Number(file.slice(0, 4)), file }));
}

async function appliedNumbers(client: ClientBase): Promise<ReadonlySet<number>> {
  await client.query(
    'CREATE TABLE IF NOT EXISTS migrations (number int PRIMARY KEY, file text NOT NULL, at timestamptz NOT NULL DEFAULT now())',
  );
  const { rows } = await client.query('SELECT number FROM migrations');
  return new Set(rows.map(({ number }) => number));
}

async function apply(client: ClientBase, { number, file }: Migration, folder: URL): Promise<void> {
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

const newerSchema = (owner: string, present: number, newest: number): HostError =>
  new HostError(
    `the database was written by a newer release of ${owner} (schema ${present}, this one knows ${newest}): run that release`,
    EXIT.newerSchema,
  );
