import { migrate } from '@linchpin/host';
import type { Pool, PoolClient } from 'pg';
import { migrations } from './migrations.ts';

/** PostgreSQL gives up a statement, and this side a connection that says nothing, after so long. Milliseconds. */
const STATEMENT_MS = 5000;
const SILENCE_MS = 10_000;
/** While tables are brought up to this release, it says nothing for as long as that takes. */
const MIGRATION_MS = 3_600_000;

/** Work on the tables, which are brought up to this release before the first. */
export interface Sessions {
  /** Rejects when PostgreSQL is away or does not answer in time. */
  use<T>(run: (client: PoolClient) => Promise<T>): Promise<T>;
  /** As `use`: what `run` did is kept, or nothing of it where it rejects. */
  transaction<T>(run: (client: PoolClient) => Promise<T>): Promise<T>;
}

export function createSessions(pool: Pool): Sessions {
  let prepared = false;

  async function prepare(client: PoolClient, patience: (ms: number) => void): Promise<void> {
    if (!prepared) await migrate(client, migrations, () => patience(MIGRATION_MS));
    patience(SILENCE_MS);
    prepared = true;
    await client.query(`SET statement_timeout = ${STATEMENT_MS}`);
  }

  async function use<T>(run: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    let failure: Error | undefined;
    const fail = (error: Error) => {
      failure = error;
    };
    client.on('error', fail);
    try {
      return await inTime((patience) => prepare(client, patience).then(() => run(client)));
    } catch (error) {
      // The next one looks at the tables again: the database may be another by then.
      prepared = false;
      fail(error as Error);
      throw error;
    } finally {
      client.off('error', fail);
      // A connection on which something failed is not worth the doubt.
      client.release(failure);
    }
  }

  return {
    use,
    transaction: (run) =>
      use(async (client) => {
        await client.query('BEGIN');
        const result = await run(client);
        await client.query('COMMIT');
        return result;
      }),
  };
}

/** Where a network has swallowed the answer, TCP would wait for minutes. `patience`: for how long it is waited from now on. */
async function inTime<T>(run: (patience: (ms: number) => void) => Promise<T>): Promise<T> {
  const silence = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const patience = (ms: number): void => {
    clearTimeout(timer);
    if (isOver) return;
    timer = setTimeout(() => silence.reject(new Error('PostgreSQL does not answer')), ms);
  };
  patience(SILENCE_MS);
  const work = run(patience);
  // Left alone it may fail later, when nobody listens any more.
  work.catch(() => {});
  return Promise.race([work, silence.promise]).finally(() => {
    isOver = true;
    clearTimeout(timer);
  });
}
