import type { PoolClient } from 'pg';

/** Commits what `run` did, or undoes it when `run` rejects. */
export async function inTransaction<T>(
  client: PoolClient,
  run: (client: PoolClient) => Promise<T>,
): Promise<T> {
  await client.query('BEGIN');
  // A pod that stands still in the midst of it must not keep the others from publishing.
  await client.query("SET LOCAL idle_in_transaction_session_timeout = '10s'");
  let result: T;
  try {
    result = await run(client);
  } catch (error) {
    // Where the connection is lost, so is the transaction.
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
  await client.query('COMMIT').catch((error) => {
    throw new Error(`${error.message}; whether the change was stored is not known`);
  });
  return result;
}
