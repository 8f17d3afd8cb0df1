// The tables versions, documents and credentials.
import type { Document, Kind } from '@linchpin/topology';
import type { PoolClient } from 'pg';
import { CHANNEL, LOCK } from '../locks.ts';
import type { Digest } from './credential.ts';
import type { Planned } from './plan.ts';

type Row = { kind: Kind; name: string; version: string; spec: never };

const toDocument = (row: Row): Document => ({ ...row, version: Number(row.version) });

/** Until the end of the transaction nobody else makes a version. */
export const lockVersions = (client: PoolClient) =>
  client.query('SELECT pg_advisory_xact_lock($1)', [LOCK.publish]);

export async function currentVersion(client: PoolClient): Promise<number> {
  const { rows } = await client.query('SELECT coalesce(max(version), 0) AS version FROM versions');
  return Number(rows[0].version);
}

/** All documents but those of users. */
export async function selectSettings(client: PoolClient): Promise<Document[]> {
  const { rows } = await client.query<Row>(
    "SELECT kind, name, version, spec FROM documents WHERE kind <> 'User' AND spec IS NOT NULL",
  );
  return rows.map(toDocument);
}

export async function selectUsers(
  client: PoolClient,
  names?: readonly string[],
): Promise<Document<'User'>[]> {
  const { rows } = await client.query<Row>(
    `SELECT kind, name, version, spec FROM documents
     WHERE kind = 'User' AND spec IS NOT NULL AND ($1::text[] IS NULL OR name = ANY ($1))`,
    [names ?? null],
  );
  return rows.map(toDocument) as Document<'User'>[];
}

export async function selectDigests(
  client: PoolClient,
  names: readonly string[],
): Promise<Map<string, Digest>> {
  const { rows } = await client.query(
    'SELECT name, digest FROM credentials WHERE digest IS NOT NULL AND name = ANY ($1)',
    [names],
  );
  return new Map(rows.map(({ name, digest }) => [name, digest]));
}

/** The documents of one kind after `after`, in the order of their names. */
export async function selectPage(
  client: PoolClient,
  kind: Kind,
  after: string,
  limit: number,
): Promise<Document[]> {
  const { rows } = await client.query<Row>(
    `SELECT kind, name, version, spec FROM documents
     WHERE kind = $1 AND name > $2 AND spec IS NOT NULL ORDER BY name LIMIT $3`,
    [kind, after, limit],
  );
  return rows.map(toDocument);
}

export async function selectOne<K extends Kind>(
  client: PoolClient,
  kind: K,
  name: string,
): Promise<Document<K> | undefined> {
  const { rows } = await client.query<Row>(
    'SELECT kind, name, version, spec FROM documents WHERE kind = $1 AND name = $2 AND spec IS NOT NULL',
    [kind, name],
  );
  return rows[0] && (toDocument(rows[0]) as Document<K>);
}

/** Stores what was planned as the next version and returns its number. */
export async function insertVersion(
  client: PoolClient,
  who: string,
  plan: readonly Planned[],
): Promise<number> {
  const changes = plan.map(({ kind, name, outcome, credential }) => ({
    document: `${kind}/${name}`,
    outcome,
    ...(credential === undefined ? {} : { credential: credential.digest === null ? 'deleted' : 'changed' }),
  }));
  const { rows } = await client.query(
    `INSERT INTO versions (version, who, changes)
     SELECT coalesce(max(version), 0) + 1, $1, $2 FROM versions RETURNING version`,
    [who, JSON.stringify(changes)],
  );
  const version = Number(rows[0].version);
  await upsertDocuments(client, version, plan);
  await upsertCredentials(client, version, plan);
  // Heard when the transaction is committed, by the pod that hands over.
  await client.query('SELECT pg_notify($1, $2)', [CHANNEL.stored, String(version)]);
  return version;
}

async function upsertDocuments(client: PoolClient, version: number, plan: readonly Planned[]): Promise<void> {
  const rows = plan.flatMap(({ kind, name, document }) =>
    document ? [{ kind, name, spec: document.spec }] : [],
  );
  await client.query(
    `INSERT INTO documents (kind, name, version, spec)
     SELECT kind, name, $1, spec FROM json_to_recordset($2) AS changed (kind text, name text, spec json)
     ON CONFLICT (kind, name) DO UPDATE SET version = excluded.version, spec = excluded.spec`,
    [version, JSON.stringify(rows)],
  );
}

async function upsertCredentials(
  client: PoolClient,
  version: number,
  plan: readonly Planned[],
): Promise<void> {
  const rows = plan.flatMap(({ name, credential }) =>
    credential ? [{ name, digest: credential.digest }] : [],
  );
  await client.query(
    `INSERT INTO credentials (name, version, digest)
     SELECT name, $1, digest FROM json_to_recordset($2) AS changed (name text, digest json)
     ON CONFLICT (name) DO UPDATE SET version = excluded.version, digest = excluded.digest`,
    [version, JSON.stringify(rows)],
  );
}
