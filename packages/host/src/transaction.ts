import type { PoolClient } from 'pg';

// A pod that stands still in the midst of it must not keep what it has locked from the others.
const BEGIN = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '10s'";

/** Commits what `run` did, or undoes it when `run` rejects. `unknown`: the error of a COMMIT that nobody has answered. */
export async function inTransaction<T>(
  client: PoolClient,
  run: (client: PoolClient) => Promise<T>,
  unknown: (why: string) => Error = (why) => new Error(why),
): Promise<T> {
  await client.query(BEGIN);
  let result: T;
  try {
    result = await run(client);
  } catch (error) {
    // Where the connection is lost, so is the transaction.
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
  await client.query('COMMIT').catch((error) => {
    throw unknown(`${error.message}; whether it was stored is not known`);
  });
  return result;
}
