import { readFile } from 'node:fs/promises';
import type { Pool } from 'pg';
import type { PostgresConfig } from './config.ts';
import { EXIT, HostError } from './host-error.ts';
import type { Logger } from './log.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 60_000;

/** Connects when first asked, again after each loss; a query fails when there is no connection within 5 seconds. */
export async function createPostgres(config: PostgresConfig, name: string, log: Logger): Promise<Pool> {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    host: config.host,
    port: config.port,
    user: config.user,
    database: config.database,
    // Asked for each connection: a changed password needs no restart.
    password: () => readPassword(config),
    ...(config.ca !== undefined && { ssl: { ca: await readCa(config.ca) } }),
    max: config.connections,
    application_name: name,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
  });
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'lost an idle connection to Postgres'));
  return pool;
}

function readCa(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error) => {
    throw new HostError(`postgres.ca: cannot read ${path}: ${error.message}`, EXIT.config, { cause: error });
  });
}

async function readPassword({ passwordFile }: PostgresConfig): Promise<string> {
  if (passwordFile) return (await readFile(passwordFile, 'utf8')).trimEnd();
  return process.env.LINCHPIN_POSTGRES_PASSWORD ?? '';
}
