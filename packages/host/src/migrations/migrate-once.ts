import type { PoolClient } from 'pg';
import type { HostConfig, PostgresConfig } from '../config.ts';
import { EXIT, HostError } from '../host-error.ts';
import type { Logger } from '../log.ts';
import { createPostgres } from '../postgres.ts';
import { type Migrations, migrate } from './migrate.ts';

/** Tables of a role that has more than one database. */
export interface DatabaseMigrations<C> extends Migrations {
  /** The database that they are in; undefined where the role runs without it. */
  postgres(config: C): PostgresConfig | undefined;
}

/**
 * `--migrate`: brings the tables up to this release and resolves. Tries once, what runs it may try again. Rejects with HostError
 * EXIT.unavailable where the database cannot be used, EXIT.config where the role has none.
 */
export async function migrateOnce<C extends HostConfig>(
  config: C,
  migrations: Migrations | readonly DatabaseMigrations<C>[] | undefined,
  log: Logger,
): Promise<void> {
  if (migrations === undefined) throw new HostError('--migrate: this role has no tables', EXIT.config);
  if (config.postgres === undefined)
    throw new HostError('--migrate: there is no postgres in the configuration', EXIT.config);
  if (!isList(migrations)) return migrateDatabase(config.name, config.postgres, migrations, log);
  for (const each of migrations) {
    const postgres = each.postgres(config);
    if (postgres !== undefined) await migrateDatabase(config.name, postgres, each, log);
  }
}

// Array.isArray does not narrow read-only lists.
const isList = <C>(
  migrations: Migrations | readonly DatabaseMigrations<C>[],
): migrations is readonly DatabaseMigrations<C>[] => Array.isArray(migrations);

async function migrateDatabase(
  name: string,
  config: PostgresConfig,
  migrations: Migrations,
  log: Logger,
): Promise<void> {
  const pool = await createPostgres(config, name, log);
  try {
    const client = await pool.connect().catch((error) => {
      throw away(config, error);
    });
    const { database } = config;
    const say = (file: string): void => log.info({ file, database }, 'migrating the tables');
    const applied = await run(client, migrations, config, say);
    log.info(
      { applied, database },
      applied.length > 0 ? 'the tables were migrated' : 'the tables are up to date',
    );
  } finally {
    await pool.end();
  }
}

async function run(
  client: PoolClient,
  migrations: Migrations,
  config: PostgresConfig,
  onFile: (file: string) => void,
): Promise<string[]> {
  let lost: Error | undefined;
  client.on('error', (error) => {
    lost = error;
  });
  try {
    return await migrate(client, migrations, onFile);
  } catch (error) {
    throw lost === undefined ? error : away(config, lost);
  } finally {
    client.release(lost);
  }
}

function away({ host, port, database, user }: PostgresConfig, error: unknown): HostError {
  const { message, code } = error as { message?: string; code?: string };
  const why = message || code || 'no connection';
  return new HostError(
    `PostgreSQL at ${host}:${port} (database ${database}, user ${user}) cannot be used: ${why}`,
    EXIT.unavailable,
    { cause: error },
  );
}
